"""Questions on the bodies of a spec: what is in them, and whether anything is made of it."""

from __future__ import annotations

from archdsl.checker.expand import is_spliced, items_of
from archdsl.python_source.replay import Step, Steps
from archdsl.syntax import nodes


def makes_something(step: Step) -> bool:
    """Whether there is a module in a step."""
    return step.node is not None or any(makes_something(each) for body in step.bodies for each in body)


def is_repeat(item: nodes.Item | nodes.Let | nodes.Body) -> bool:
    return isinstance(item, nodes.Layer) and item.word.text == "repeat"


def is_module(item: nodes.Item | nodes.Let) -> bool:
    """Whether an item is one module, and not spliced."""
    return not isinstance(item, nodes.Let) and not is_spliced(item)


def has_labels(chain: nodes.Chain) -> bool:
    """Whether an item of a chain has a label, through what is spliced into it too."""
    for item in chain:
        if isinstance(item, nodes.Labelled):
            return True
        if isinstance(item, nodes.If):
            bodies = [body for _, body in item.arms] + ([item.otherwise] if item.otherwise else [])
        elif isinstance(item, nodes.For) or is_repeat(item):
            bodies = [body_of(item)]
        else:
            continue
        if any(has_labels(body.chains[0]) for body in bodies):
            return True
    return False


def body_of(item: nodes.Item | nodes.Let) -> nodes.Body:
    """The body of a loop."""
    assert isinstance(item, nodes.For | nodes.Layer)
    assert item.body is not None
    return item.body


def lone_condition(chain: nodes.Chain, columns: list[Steps]) -> bool:
    """Whether a chain is one condition, which is taken in several ways, and each time."""
    items = items_of(chain)
    if len(items) != 1 or not isinstance(items[0], nodes.If) or chain[-1] is not items[0] or has_labels(chain):
        return False
    arms = {column[-1].arm for column in columns}
    return len(arms) > 1 and None not in arms


def arm_body(item: nodes.If, arm: int) -> nodes.Body:
    if arm < len(item.arms):
        return item.arms[arm][1]
    assert item.otherwise is not None
    return item.otherwise
