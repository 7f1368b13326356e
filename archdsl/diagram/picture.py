"""A network as what is drawn: boxes, frames, forks and heads in chains.

Two things make a network legible that has hundreds of layers. Layers that belong together are one box: a convolution
with the norm and the activation behind it. And what stands several times behind itself, with equal arguments, shapes
and contents, is drawn once, with its count.

A network may share its nodes, so a picture shares its parts: nothing here walks a part twice.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from archdsl.diagram.words import call_of, title_of
from archdsl.layers.base import Cost
from archdsl.network import Branches, Head, Leaf, Network, Node, Sequence
from archdsl.shapes import Shape
from archdsl.source import Span

LONGEST_PERIOD = 12
"""Repeats of more boxes and frames than that are not looked for."""


class Box(NamedTuple):
    """Layers that are drawn as one box: the first, and what belongs to it.

    texts: each layer as a call with its values; `nobias`, `eps` and `momentum` are not drawn.
    names: the label of each, or "".
    spans: where each is written.
    cost: that of one of them.
    times: how often it stands behind itself.
    """

    texts: tuple[str, ...]
    names: tuple[str, ...]
    spans: tuple[Span, ...]
    input: Shape
    output: Shape
    cost: Cost
    times: int = 1


class Frame(NamedTuple):
    """A part with a name that can be shown open or closed.

    title: the label, the block call with its values, or both; "" where a group has no name but repeats.
    layers: how many layers are in one of them.
    """

    title: str
    body: Chain
    span: Span
    input: Shape
    output: Shape
    cost: Cost
    layers: int
    times: int = 1


class Side(NamedTuple):
    """An auxiliary head: what enters it goes on beside it, too. `gives` is its own output."""

    title: str
    body: Chain
    span: Span
    input: Shape
    output: Shape
    cost: Cost
    layers: int
    gives: Shape
    times: int = 1


class Fork(NamedTuple):
    """Branches on one input, joined by `concat`, `add` or `mul`. A branch without items is `identity`."""

    join: str
    branches: tuple[Chain, ...]
    span: Span
    input: Shape
    output: Shape
    cost: Cost
    layers: int
    times: int = 1


class Chain(NamedTuple):
    """Items behind each other. `skip` is where the `identity` is written that stands for a branch without items."""

    items: tuple[Item, ...]
    input: Shape
    output: Shape
    layers: int
    skip: Span | None = None


Item: TypeAlias = Box | Frame | Side | Fork


class Picture(NamedTuple):
    """What is drawn of a network.

    name: that of its spec, without folders and ending.
    layers, cost: without auxiliary heads; `head_cost` is what these cost.
    """

    name: str
    chain: Chain
    layers: int
    cost: Cost
    head_cost: Cost
    span: Span


# How the layers of a network become boxes

STARTS = frozenset(("conv", "conv_transpose", "fc", "pool", "avgpool", "global_avgpool", "global_maxpool"))
"""Words that begin a box to which what follows may belong."""

FOLLOWS = frozenset(
    """
    batchnorm layernorm groupnorm instancenorm lrn scale relu relu6 leaky_relu elu gelu silu mish sigmoid tanh hardswish
    hardsigmoid prelu softmax log_softmax dropout dropout2d drop_path flatten
    """.split()  # noqa: SIM905 - as a list it would take a page.
)
"""Words that belong to the box before them."""


def picture_of(network: Network) -> Picture:
    """What is drawn of a network."""
    painter = _Painter()
    chain = painter.chain(network.root)
    name = network.name.replace("\\", "/").rpartition("/")[2].removesuffix(".arch")
    return Picture(name, chain, network.layer_count, network.cost, network.head_cost, network.root.span)


class _Painter:
    """Makes the parts of a picture, each once, and knows which of them look the same."""

    def __init__(self) -> None:
        self.made: dict[tuple[int, str], tuple[Item, int]] = {}
        self.chains: dict[int, tuple[Chain, int]] = {}
        self.looks: dict[tuple[Any, ...], int] = {}
        self.kept: list[Node] = []

    def look(self, *facts: Any) -> int:
        """A number for what looks like this: the same for the same facts."""
        return self.looks.setdefault(facts, len(self.looks))

    def chain(self, node: Sequence | Head) -> Chain:
        return self.chain_and_look(node)[0]

    def chain_and_look(self, node: Sequence | Head) -> tuple[Chain, int]:
        """The chain of a node's children, and its look."""
        found = self.chains.get(id(node))
        if found is None:
            items: list[tuple[Item, int]] = []
            self.add_children(node, items)
            items = self.folded(items)
            chain = Chain(
                tuple(item for item, _ in items),
                node.input,
                node.gives if isinstance(node, Head) else node.output,
                sum(item.times * layers_of(item) for item, _ in items),
            )
            look = self.look("chain", chain.input, *((look, item.times) for item, look in items))
            found = self.chains[id(node)] = chain, look
            self.kept.append(node)
        return found

    def add_children(self, node: Sequence | Head, items: list[tuple[Item, int]]) -> None:
        """Add what the children of a node are drawn as. A chain without a name is drawn as its children."""
        for key, child in node.children:
            label = "" if key.isdecimal() else key
            if isinstance(child, Leaf):
                self.add_leaf(child, label, items)
            elif isinstance(child, Sequence) and (self.is_one_box(child) or not (label or child.call)):
                self.add_children(child, items)
            else:
                items.append(self.item(child, label))

    def is_one_box(self, node: Sequence) -> bool:
        """Whether what is in a block or body is one box, which needs no frame."""
        items = self.chain(node).items
        return len(items) == 1 and isinstance(items[0], Box) and items[0].times == 1

    def add_leaf(self, leaf: Leaf, label: str, items: list[tuple[Item, int]]) -> None:
        """Add a layer: to the box before it where it belongs to that, else as a box of its own."""
        before = items[-1][0] if items else None
        follows = leaf.layer.word in FOLLOWS
        if follows and isinstance(before, Box) and before.texts[0].partition("(")[0] in STARTS | FOLLOWS:
            text = call_of(leaf.layer, short=True)
            cost = Cost(before.cost.parameters + leaf.cost.parameters, before.cost.macs + leaf.cost.macs)
            names, spans = (*before.names, label), (*before.spans, leaf.span)
            box = Box((*before.texts, text), names, spans, before.input, leaf.output, cost)
            items.pop()
        else:
            box = Box((call_of(leaf.layer),), (label,), (leaf.span,), leaf.input, leaf.output, leaf.cost)
        items.append((box, self.look("box", box.texts, box.input, box.output, box.cost)))

    def item(self, node: Node, label: str) -> tuple[Item, int]:
        """What a node that is no layer is drawn as, and its look."""
        found = self.made.get((id(node), label))
        if found is None:
            found = self.made[id(node), label] = self.new_item(node, label)
            self.kept.append(node)
        return found

    def new_item(self, node: Node, label: str) -> tuple[Item, int]:
        assert not isinstance(node, Leaf)
        title = title_of(label, node)
        facts = (node.span if node.call is None else node.call.span, node.input, node.output, node.cost)
        # `layer1` and `layer2` of a loop look the same.
        look_of_title = (label.rstrip("0123456789"), title_of("", node))
        if isinstance(node, Branches):
            branches = [self.branch(child) for _, child in node.children]
            layers = sum(branch.layers for branch, _ in branches)
            fork = Fork(node.layer.word, tuple(branch for branch, _ in branches), *facts, layers)
            look = self.look("fork", fork.join, node.input, *(look for _, look in branches))
            if not title:
                return fork, look
            body = Chain((fork,), node.input, node.output, layers)
            return Frame(title, body, *facts, layers), self.look("frame", look_of_title, look)
        body, look = self.chain_and_look(node)
        if isinstance(node, Head):
            return Side(title, body, *facts, body.layers, node.gives), self.look("side", title, look)
        return Frame(title, body, *facts, body.layers), self.look("frame", look_of_title, look)

    def branch(self, node: Node) -> tuple[Chain, int]:
        """A branch as a chain: a layer is a chain of one box, `identity` one of none."""
        while isinstance(node, Sequence) and node.call is None and len(node.children) == 1:
            # As of a branch that is an `if`.
            node = node.children[0][1]
        if isinstance(node, Sequence) and (node.call is None or self.is_one_box(node)):
            return self.chain_and_look(node)
        if isinstance(node, Leaf):
            if node.layer.word == "identity":
                return Chain((), node.input, node.output, 1, node.span), self.look("skip", node.input)
            items: list[tuple[Item, int]] = []
            self.add_leaf(node, "", items)
        else:
            items = [self.item(node, "")]
        item, look = items[0]
        return Chain((item,), node.input, node.output, layers_of(item)), self.look("chain", node.input, (look, 1))

    def folded(self, items: list[tuple[Item, int]]) -> list[tuple[Item, int]]:
        """Items of which those that stand several times behind themselves are one, with a count."""
        looks = [look for _, look in items]
        result: list[tuple[Item, int]] = []
        at = 0
        while at < len(items):
            period, times = longest_repeat(looks, at)
            item, look = items[at]
            # A head is drawn where it leaves the chain.
            if times == 1 or any(isinstance(each, Side) for each, _ in items[at : at + period]):
                result.append(items[at])
                at += 1
                continue
            turn = items[at : at + period]
            if period == 1:
                last = items[at + times - 1][0]
                result.append((repeated(item, last, times), look))
            else:
                first, end = turn[0][0], turn[-1][0]
                parts = tuple(each for each, _ in turn)
                layers = sum(each.times * layers_of(each) for each in parts)
                cost = Cost(
                    sum(each.times * each.cost.parameters for each in parts),
                    sum(each.times * each.cost.macs for each in parts),
                )
                body = Chain(parts, first.input, end.output, layers)
                frame = Frame("", body, span_of(first), first.input, end.output, cost, layers, times)
                result.append((frame, self.look("repeat", *((each, part.times) for part, each in turn))))
            at += period * times
        return result


def layers_of(item: Item) -> int:
    """How many layers one turn of an item has."""
    return len(item.texts) if isinstance(item, Box) else item.layers


def longest_repeat(looks: list[int], at: int) -> tuple[int, int]:
    """The period and the count of the repeat from here that covers most; the shortest period of these."""
    best, covered = (1, 1), 1
    for period in range(1, min(LONGEST_PERIOD, (len(looks) - at) // 2) + 1):
        end = at + period
        while end < len(looks) and looks[end] == looks[end - period]:
            end += 1
        times = (end - at) // period
        if times > 1 and times * period > covered:
            best, covered = (period, times), times * period
    return best


def repeated(item: Item, last: Item, times: int) -> Item:
    """An item that stands so often behind itself. Labels that count, as `layer1`, are told as `layer1 to layer4`."""
    if isinstance(item, Frame) and isinstance(last, Frame) and item.title != last.title:
        first_name, colon, rest = item.title.partition(": ")
        return item._replace(title=f"{first_name} to {last.title.partition(': ')[0]}{colon}{rest}", times=times)
    return item._replace(times=times)


def span_of(item: Item) -> Span:
    """Where an item is written; of a box, its first layer."""
    return item.spans[0] if isinstance(item, Box) else item.span
