"""What a part of a chain becomes: nodes of the network that have no keys yet, and the shape that leaves them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from archdsl.checker.session import Session
from archdsl.diagnostics.diagnostic import Label
from archdsl.layers.base import Cost
from archdsl.network import Node
from archdsl.shapes import UNKNOWN_IMAGE, UNKNOWN_VECTOR, Image, Shape
from archdsl.source import Span

# What `nn.Sequential` calls itself by; a child of such a name would hide it. A test holds the list against torch.
RESERVED_LABELS = frozenset(
    """
    T_destination add_module append apply bfloat16 buffers call_super_init children compile cpu cuda double
    dump_patches eval extend extra_repr float forward get_buffer get_extra_state get_parameter get_submodule
    half insert ipu load_state_dict modules mtia named_buffers named_children named_modules named_parameters
    parameters pop register_backward_hook register_buffer register_forward_hook register_forward_pre_hook
    register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook
    register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to
    to_empty train training type xpu zero_grad aux_output aux_weight
    """.split()  # noqa: SIM905 - as a list it would take a page.
)

NO_COST = Cost()


class Child(NamedTuple):
    """A node among its siblings, before it has a key.

    label: the characters of its label, or None.
    looped: a loop itself splices it, so that its key is the label and its occurrence, counted from 1.
    """

    node: Node
    label: Span | None
    looped: bool


class Expansion(NamedTuple):
    """What a part of a chain becomes.

    output: the shape that leaves it; None where it is not known.
    size: the modules that it adds to the network. height: how many of those that hold others stand in each other.
    last: the item that gave the output, to point at; None where nothing did.
    whole: all of it was expanded; false where there was an error, or where a value or a shape is not known.
    """

    children: tuple[Child, ...]
    output: Shape | None
    cost: Cost
    size: int
    height: int
    last: Span | None
    whole: bool


class ExpandedChain:
    """The expansion of a chain while its items are added to its end."""

    __slots__ = ("children", "height", "last", "macs", "output", "parameters", "size", "whole")

    def __init__(self, entering: Shape | None, last: Span | None) -> None:
        self.children: list[Child] = []
        self.parameters = self.macs = self.size = self.height = 0
        self.output = entering
        self.last = last
        self.whole = True

    def add(self, session: Session, part: Expansion, span: Span, times: int = 1) -> None:
        """Add what the item at `span` became. More modules than allowed are refused before they are listed."""
        size = self.size + part.size * times
        if size > session.max_layers:
            session.refuse_size(span, size)
        self.size = size
        self.children += part.children * times
        self.parameters += part.cost.parameters * times
        self.macs += part.cost.macs * times
        if part.height > self.height:
            self.height = part.height
        self.output, self.last = part.output, part.last
        self.whole = self.whole and part.whole

    def done(self) -> Expansion:
        cost = Cost(self.parameters, self.macs)
        return Expansion(tuple(self.children), self.output, cost, self.size, self.height, self.last, self.whole)


def nothing(entering: Shape | None, last: Span | None) -> Expansion:
    """No module, and what enters goes on: a loop without turns, a condition that does not hold."""
    return Expansion((), entering, NO_COST, 0, 0, last, True)


def unknown(output: Shape | None, last: Span | None) -> Expansion:
    """What can't be expanded, for an error or for something not known; `output` is what is known of its output."""
    return Expansion((), output, NO_COST, 0, 0, last, False)


def one_node(node: Node, expansion: Expansion, looped: bool) -> Expansion:
    """A node that holds what was expanded."""
    children = (Child(node, None, looped),)
    size, height = expansion.size + 1, expansion.height + 1
    return Expansion(children, node.output, node.cost, size, height, expansion.last, expansion.whole)


def blurred(shape: Shape | None) -> Shape | None:
    """Of a shape, only whether it is an image."""
    return None if shape is None else UNKNOWN_IMAGE if isinstance(shape, Image) else UNKNOWN_VECTOR


def common(shapes: Sequence[Shape | None]) -> Shape | None:
    """What is the same in all shapes."""
    first = shapes[0]
    known = [shape for shape in shapes if shape is not None and first is not None and len(shape) == len(first)]
    if first is None or len(known) < len(shapes):
        return None
    sizes = [size if all(shape[axis] == size for shape in known) else None for axis, size in enumerate(first)]
    return type(first)(*sizes)


def is_reserved(label: str) -> bool:
    """Whether a label is, or may become, a name of torch's own: those that begin with `_` change with its versions."""
    return label in RESERVED_LABELS or label.startswith("_")


def keyed(session: Session, children: tuple[Child, ...]) -> tuple[tuple[str, Node], ...]:
    """Give every child its key: its label, or its place among its siblings."""
    result: list[tuple[str, Node]] = []
    turns: Counter[str] = Counter()
    labels: dict[str, Span] = {}
    for index, (node, label, looped) in enumerate(children):
        if label is None:
            result.append((str(index), node))
            continue
        key = label.text
        if looped:
            turns[key] += 1
            key = f"{key}{turns[key]}"
            if key in RESERVED_LABELS:
                session.report("label-reserved", label, name=key)
        if key in labels:
            session.report("duplicate-label", label, (Label(labels[key], "first here"),), key=key)
        labels.setdefault(key, label)
        result.append((key, node))
    return tuple(result)
