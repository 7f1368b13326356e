"""The checked network: a tree with a shape and a cost at every node. Nothing behind it checks anything again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from archdsl.layers.base import Cost, Join, Layer
from archdsl.layers.joining import Aux
from archdsl.shapes import Shape
from archdsl.source import Span


class Call(NamedTuple):
    """A block call: the block's name, and where it is called.

    arguments: the values that were given, each with the name of its parameter, which is None where it has none or
    need not be named; a value is a number, a truth value or a tuple of values.
    """

    block: str
    span: Span
    arguments: tuple[tuple[str | None, Any], ...] = ()


class Leaf(NamedTuple):
    """One layer, which becomes one torch module."""

    layer: Layer
    input: Shape
    output: Shape
    cost: Cost
    span: Span


class Sequence(NamedTuple):
    """A chain of children, which becomes an nn.Sequential.

    children: each with its key in the state dict.
    call: the block call that it stands for, or None.
    """

    children: tuple[tuple[str, Node], ...]
    input: Shape
    output: Shape
    cost: Cost
    span: Span
    call: Call | None = None


class Branches(NamedTuple):
    """Branches on the same input, joined by `concat`, `add` or `mul`."""

    layer: Join
    children: tuple[tuple[str, Node], ...]
    input: Shape
    output: Shape
    cost: Cost
    span: Span
    call: Call | None = None


class Head(NamedTuple):
    """An auxiliary head (`aux`): its input is passed on, and `output` is that input.

    cost: the head's own, which no total includes, for in evaluation it is not there.
    gives: the shape that the head itself gives, which is that of the network's output.
    """

    layer: Aux
    children: tuple[tuple[str, Node], ...]
    input: Shape
    output: Shape
    cost: Cost
    span: Span
    gives: Shape
    call: None = None


Node: TypeAlias = Leaf | Sequence | Branches | Head


class Place(NamedTuple):
    """A node where it stands in the network.

    keys: the path of keys from the root, `("features", "0")`.
    calls: the block calls that led to it, outermost first.
    in_head: whether it is part of an auxiliary head.
    """

    keys: tuple[str, ...]
    node: Node
    calls: tuple[Call, ...]
    in_head: bool


class Network(NamedTuple):
    """A network without errors. `name` is that of the spec; the costs are those of evaluation."""

    name: str
    input: Shape
    root: Sequence

    def __repr__(self) -> str:
        return f"<Network {self.name}: {self.input} gives {self.output}, {self.cost.parameters:,} parameters>"

    @property
    def output(self) -> Shape:
        return self.root.output

    @property
    def cost(self) -> Cost:
        """Parameters and multiply-adds of one sample, without auxiliary heads."""
        return self.root.cost

    @property
    def head_cost(self) -> Cost:
        """The same of the auxiliary heads alone."""
        heads = [place.node.cost for place in self.walk() if isinstance(place.node, Head)]
        return Cost(sum(cost.parameters for cost in heads), sum(cost.macs for cost in heads))

    @property
    def layer_count(self) -> int:
        """The layers, without blocks and branches and those of auxiliary heads."""
        return sum(isinstance(place.node, Leaf) and not place.in_head for place in self.walk())

    def walk(self) -> Iterator[Place]:
        """Every node below the root, parents before children, in the order of the text."""
        stack = [Place((key,), node, (), False) for key, node in reversed(self.root.children)]
        while stack:
            place = stack.pop()
            yield place
            node = place.node
            if isinstance(node, Leaf):
                continue
            calls = place.calls if node.call is None else (*place.calls, node.call)
            in_head = place.in_head or isinstance(node, Head)
            stack += [Place((*place.keys, key), child, calls, in_head) for key, child in reversed(node.children)]
