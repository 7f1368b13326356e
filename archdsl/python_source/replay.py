"""A network read beside the text that it was expanded from: which item of which body made which node.

Nothing is checked and no shape is computed, for that has been done: values are evaluated again where a loop, a
condition or a call asks for them, and the nodes are taken from the network in turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from archdsl.checker.arguments import Signature, block_signature, layer_signature, match
from archdsl.checker.expand import bind_parameters, is_join, is_spliced, items_of
from archdsl.checker.patterns import bind, turns_of
from archdsl.checker.scope import BlockDefinition, Given, Module, Scope, Value
from archdsl.checker.session import Session
from archdsl.checker.values import Evaluation
from archdsl.network import Network, Node
from archdsl.shapes import Shape
from archdsl.source import Span
from archdsl.syntax import nodes
from archdsl.syntax.words import JOINS, STRUCTURE

Steps: TypeAlias = "list[Step]"
Children: TypeAlias = Iterator[tuple[str, Node]]


class Step:
    """One item of a body, or a let, in one expansion of it.

    item: the item without its label. label: whether it has one.
    scope, entering, leaving: the names that it sees, and the shapes before and behind it.
    key, node: what it made, where it is no loop, condition or let.
    given: the arguments of a layer or a block, by the place of the field or parameter.
    bodies: the expansions of what is in its braces: of a loop each turn, of a condition the chain taken, of a join
        each branch.
    arm: of a condition, which chain was taken, `else` being the last; None where none was.
    value: of a let, its value; of a `repeat`, its count; of a `for`, what it goes through.
    instance: of a block call, the expansion of the block.
    """

    __slots__ = (
        "arm",
        "bodies",
        "entering",
        "given",
        "instance",
        "item",
        "key",
        "label",
        "leaving",
        "node",
        "scope",
        "value",
    )

    def __init__(self, item: nodes.Item | nodes.Let | nodes.Body, scope: Scope, entering: Shape) -> None:
        self.item = item
        self.scope = scope
        self.entering = self.leaving = entering
        self.label: str | None = None
        self.key = ""
        self.node: Node | None = None
        self.given: list[Given | None] = []
        self.bodies: list[Steps] = []
        self.arm: int | None = None
        self.value: Value = None
        self.instance: Instance | None = None


class Instance:
    """A block with certain arguments and a certain input; all calls alike share it."""

    def __init__(self, definition: BlockDefinition, parameters: Scope, entering: Shape, steps: Steps) -> None:
        self.definition = definition
        self.parameters = parameters
        self.entering = entering
        self.leaving = steps[-1].leaving if steps else entering
        self.steps = steps

    def value_of(self, pattern: nodes.Pattern) -> Value:
        """The value of a parameter; of a pattern, the tuple that it takes apart."""
        if isinstance(pattern, nodes.Name):
            return self.parameters.names[pattern.text].value
        return tuple(self.value_of(each) for each in pattern.patterns)


class Replay:
    """The steps of a whole network.

    steps: those of the file's own chain.
    instances: the expansions of blocks. calls: the blocks that each block calls, by their definitions.
    """

    def __init__(self, module: Module, file: nodes.File, network: Network) -> None:
        self.session = Session()
        self.session.max_steps = 2**62  # It is as much work as the check was, which had its limits.
        self.instances: list[Instance] = []
        self.calls: dict[Span, dict[Span, None]] = {}
        self._callers: list[Span] = []
        self._known: dict[tuple[object, ...], Instance] = {}
        self._signatures: dict[int, Signature] = {}
        self.chain: nodes.Chain = tuple(
            each
            for each in file.statements
            if isinstance(each, nodes.Layer | nodes.For | nodes.If | nodes.Labelled) and not is_input(each)
        )
        scope = Scope(module, None, "let", {})
        self.steps = self._chain(self.chain, scope, iter(network.root.children), network.input)

    def _chain(self, chain: nodes.Chain, scope: Scope, children: Children, entering: Shape) -> Steps:
        if any(isinstance(item, nodes.Let) for item in chain):
            scope = Scope(scope.module, scope, "let", {})
        steps = []
        for item in chain:
            steps.append(step := self._item(item, scope, children, entering))
            entering = step.leaving
        return steps

    def _item(self, item: nodes.Item | nodes.Let, scope: Scope, children: Children, entering: Shape) -> Step:
        evaluation = Evaluation(self.session, scope, entering)
        step = Step(item, scope, entering)
        if isinstance(item, nodes.Let):
            step.value = evaluation.value(item.value)
            scope.names[item.name.text] = Given(step.value, item.value, scope)
        elif isinstance(item, nodes.For):
            step.value = evaluation.value(item.values)
            given = Given(step.value, item.values, scope)
            for each in turns_of(self.session, item.pattern, given, scope.module):
                names = bind(self.session, item.pattern, each, scope.module)
                self._turn(step, item.body, Scope(scope.module, scope, "loop variable", names), children)
        elif isinstance(item, nodes.If):
            for index, (condition, body) in enumerate((*item.arms, (None, item.otherwise))):
                if body is not None and (condition is None or evaluation.value(condition) is True):
                    step.arm = index
                    self._turn(step, body, scope, children)
                    break
        elif isinstance(item, nodes.Layer) and item.word.text == "repeat":
            step.value = evaluation.value((item.args or ())[0])  # type: ignore[arg-type]
            assert isinstance(step.value, int)
            assert item.body is not None
            for _ in range(step.value):
                self._turn(step, item.body, scope, children)
        else:
            step.key, step.node = next(children)
            step.leaving = step.node.output
            if isinstance(item, nodes.Labelled):
                step.label = item.label.text
                step.item = item.item
            self._made(step, step.node, evaluation)
        return step

    def _turn(self, step: Step, body: nodes.Body, scope: Scope, children: Children) -> None:
        """What is spliced in place: a turn of a loop, the chain of a condition."""
        step.bodies.append(steps := self._chain(body.chains[0], scope, children, step.leaving))
        step.leaving = steps[-1].leaving if steps else step.leaving

    def _made(self, step: Step, node: Node, evaluation: Evaluation) -> None:
        """What is in a module of its own, and the arguments that made it."""
        item, scope, entering = step.item, step.scope, step.entering
        children: Children = iter(getattr(node, "children", ()))
        if isinstance(item, nodes.Body):
            step.bodies = [self._chain(item.chains[0], scope, children, entering)]
        elif isinstance(item, nodes.If | nodes.For) or (isinstance(item, nodes.Layer) and item.word.text == "repeat"):
            step.bodies = [self._chain((item,), scope, children, entering)]
        elif not isinstance(item, nodes.Layer):
            raise TypeError(item)
        elif item.word.text in JOINS:
            assert item.body is not None
            for chain, (key, child) in zip(item.body.chains, children, strict=True):
                within: Children = iter([(key, child)]) if is_one_item(chain) else iter(getattr(child, "children", ()))
                step.bodies.append(self._chain(chain, scope, within, entering))
        elif item.word.text in STRUCTURE:
            assert item.body is not None
            if item.word.text == "aux":
                step.given, _ = match(item, layer_signature("aux"), evaluation)
            step.bodies = [self._chain(item.body.chains[0], scope, children, entering)]
        elif (block := scope.module.find_block(item.word.text)) is not None:
            step.instance = self._instance(step, item, block, node, evaluation)
        else:
            step.given, _ = match(item, layer_signature(item.word.text), evaluation)

    def _instance(
        self, step: Step, item: nodes.Layer, block: BlockDefinition, node: Node, evaluation: Evaluation
    ) -> Instance:
        signature = self._signatures.get(id(block))
        if signature is None:
            signature = self._signatures[id(block)] = block_signature(block)
        step.given, _ = match(item, signature, evaluation)
        bound = [
            each and bind(self.session, parameter.pattern, each, block.module)
            for parameter, each in zip(block.node.parameters, step.given, strict=True)
        ]
        parameters = Scope(block.module, None, "parameter", {})
        bind_parameters(self.session, block, parameters, bound, step.entering)
        values = repr([each.value for each in parameters.names.values()])
        for caller in self._callers[-1:]:
            self.calls.setdefault(caller, {})[block.span] = None
        key = (block.span, values, step.entering)
        known = self._known.get(key)
        if known is None:
            body = block.node.body
            children: Children = iter([("", node)]) if is_join(body) else iter(getattr(node, "children", ()))
            self._callers.append(block.span)
            steps = self._chain(body.chains[0], parameters, children, step.entering)
            self._callers.pop()
            known = self._known[key] = Instance(block, parameters, step.entering, steps)
            self.instances.append(known)
        return known


def is_input(item: nodes.Item) -> bool:
    return isinstance(item, nodes.Layer) and item.word.text == "input"


def is_one_item(chain: nodes.Chain) -> bool:
    """Whether a branch is the one item in it, without an nn.Sequential around."""
    items = items_of(chain)
    return len(items) == 1 and not is_spliced(items[0])
