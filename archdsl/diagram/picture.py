"""A network as what is drawn: boxes, frames, forks and heads in chains.

Three things make a network legible that has hundreds of layers. Layers that belong together are one box: a convolution
with the norm and the activation behind it. What stands several times behind itself, with equal arguments, shapes and
contents, is drawn once, with its count. And so are blocks that are alike but for the channels that come in, as those of
DenseNet, or for a decimal, as those of ConvNeXt with their rates of stochastic depth: the first of them is drawn.

A network may share its nodes, so a picture shares its parts: nothing here walks a part twice.
"""

from __future__ import annotations

from collections.abc import Sequence as Items
from itertools import groupby
from typing import Any, NamedTuple, TypeAlias

from archdsl.diagram.words import call_of, shortened, title_of
from archdsl.layers.base import Cost
from archdsl.network import Branches, Call, Head, Leaf, Network, Node, Sequence
from archdsl.shapes import Shape
from archdsl.source import Span

LONGEST_PERIOD = 12
"""Repeats of more boxes and frames than that are not looked for."""

LEAST_ALIKE = 3
"""So many blocks that are alike are drawn as one."""


class Box(NamedTuple):
    """Layers that are drawn as one box: the first, and what belongs to it.

    texts: each layer as a call with its values; `nobias`, `eps` and `momentum` are not drawn.
    names: the label of each, or "".
    spans: where each is written.
    cost: that of one of them.
    times: how often it stands behind itself.
    together: what they cost where it stands for others that are alike, else None, and they cost `times` as much as one.
    """

    texts: tuple[str, ...]
    names: tuple[str, ...]
    spans: tuple[Span, ...]
    input: Shape
    output: Shape
    cost: Cost
    times: int = 1
    together: Cost | None = None


class Frame(NamedTuple):
    """A part with a name that can be shown open or closed.

    title: the label, the block call with its values, or both; "" where a group has no name but repeats.
    layers: how many layers are in one of them.
    alike: whether those that it stands for differ in their channels or decimals; then it is the first, but for its
        output, which is that of the last.
    """

    title: str
    body: Chain
    span: Span
    input: Shape
    output: Shape
    cost: Cost
    layers: int
    times: int = 1
    together: Cost | None = None
    alike: bool = False


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
    together: Cost | None = None


class Fork(NamedTuple):
    """Branches on one input, joined by `concat`, `add` or `mul`. A branch without items is `identity`.

    times: 1, for branches that repeat are in a frame.
    """

    join: str
    branches: tuple[Chain, ...]
    span: Span
    input: Shape
    output: Shape
    cost: Cost
    layers: int
    times: int = 1
    together: Cost | None = None


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
    chain = painter.chain(network.root).chain
    name = network.name.replace("\\", "/").rpartition("/")[2].removesuffix(".arch")
    return Picture(name, chain, network.layer_count, network.cost, network.head_cost, network.root.span)


class _Seen(NamedTuple):
    """An item, or a chain, with numbers that are equal for what looks the same, and for what is alike."""

    item: Item
    look: int
    form: int


class _SeenChain(NamedTuple):
    chain: Chain
    look: int
    form: int


class _Painter:
    """Makes the parts of a picture, each once, and knows which of them look the same."""

    def __init__(self) -> None:
        self.items: dict[tuple[int, str], _Seen] = {}
        self.chains: dict[int, _SeenChain] = {}
        self.looks: dict[tuple[Any, ...], int] = {}
        # What is known by its id must stay.
        self.kept: list[Node] = []

    def look(self, *facts: Any) -> int:
        """A number for what looks like this: the same for the same facts."""
        return self.looks.setdefault(facts, len(self.looks))

    def chain(self, node: Sequence | Head) -> _SeenChain:
        """The chain of a node's children."""
        found = self.chains.get(id(node))
        if found is None:
            items: list[_Seen] = []
            self.add_children(node, items)
            items = self.alike_folded(self.folded(items))
            chain = Chain(
                tuple(each.item for each in items),
                node.input,
                node.gives if isinstance(node, Head) else node.output,
                sum(each.item.times * layers_of(each.item) for each in items),
            )
            look = self.look("chain", chain.input, *((each.look, each.item.times) for each in items))
            form = self.look("chain", *((each.form, each.item.times) for each in items))
            found = self.chains[id(node)] = _SeenChain(chain, look, form)
            self.kept.append(node)
        return found

    def add_children(self, node: Sequence | Head, items: list[_Seen]) -> None:
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
        items = self.chain(node).chain.items
        return len(items) == 1 and isinstance(items[0], Box) and items[0].times == 1

    def add_leaf(self, leaf: Leaf, label: str, items: list[_Seen]) -> None:
        """Add a layer: to the box before it where it belongs to that, else as a box of its own."""
        before = items[-1].item if items else None
        follows = leaf.layer.word in FOLLOWS
        if follows and isinstance(before, Box) and before.texts[0].partition("(")[0] in STARTS | FOLLOWS:
            text = call_of(leaf.layer, short=True)
            names, spans = (*before.names, label), (*before.spans, leaf.span)
            cost = sum_of([before.cost, leaf.cost])
            box = Box((*before.texts, text), names, spans, before.input, leaf.output, cost)
            items.pop()
        else:
            box = Box((call_of(leaf.layer),), (label,), (leaf.span,), leaf.input, leaf.output, leaf.cost)
        look = self.look("box", box.texts, box.input, box.output, box.cost)
        items.append(_Seen(box, look, self.look("box", box.texts, len(box.output), box.output[1:])))

    def item(self, node: Node, label: str) -> _Seen:
        """What a node that is no layer is drawn as."""
        found = self.items.get((id(node), label))
        if found is None:
            found = self.items[id(node), label] = self.new_item(node, label)
            self.kept.append(node)
        return found

    def new_item(self, node: Node, label: str) -> _Seen:
        assert not isinstance(node, Leaf)
        title = title_of(label, node)
        facts = (node.span if node.call is None else node.call.span, node.input, node.output, node.cost)
        # `layer1` and `layer2` of a loop look the same.
        name = label.rstrip("0123456789")
        look_of_title = ("frame", name, title_of("", node))
        form_of_title = ("frame", name, node.call and (node.call.block, *without_decimals(node.call)))
        if isinstance(node, Branches):
            branches = [self.branch(child) for _, child in node.children]
            layers = sum(branch.chain.layers for branch in branches)
            fork = Fork(node.layer.word, tuple(branch.chain for branch in branches), *facts, layers)
            look = self.look("fork", fork.join, node.input, *(branch.look for branch in branches))
            form = self.look("fork", fork.join, *(branch.form for branch in branches))
            if not title:
                return _Seen(fork, look, form)
            frame = Frame(title, Chain((fork,), node.input, node.output, layers), *facts, layers)
            return _Seen(frame, self.look(*look_of_title, look), self.look(*form_of_title, form))
        body, look, form = self.chain(node)
        if isinstance(node, Head):
            # Each is drawn where it leaves the chain, and none looks like another.
            number = self.look("side", len(self.looks))
            return _Seen(Side(title, body, *facts, body.layers, node.gives), number, number)
        frame = Frame(title, body, *facts, body.layers)
        return _Seen(frame, self.look(*look_of_title, look), self.look(*form_of_title, form))

    def branch(self, node: Node) -> _SeenChain:
        """A branch as a chain: a layer is a chain of one box, `identity` one of none."""
        while isinstance(node, Sequence) and node.call is None and len(node.children) == 1:
            # As of a branch that is an `if`.
            node = node.children[0][1]
        if isinstance(node, Sequence) and (node.call is None or self.is_one_box(node)):
            return self.chain(node)
        if isinstance(node, Leaf):
            if node.layer.word == "identity":
                line = Chain((), node.input, node.output, 1, node.span)
                return _SeenChain(line, self.look("skip", node.input), self.look("skip"))
            items: list[_Seen] = []
            self.add_leaf(node, "", items)
        else:
            items = [self.item(node, "")]
        item, look, form = items[0]
        chain = Chain((item,), node.input, node.output, layers_of(item))
        return _SeenChain(chain, self.look("chain", node.input, (look, 1)), self.look("chain", (form, 1)))

    def folded(self, items: list[_Seen]) -> list[_Seen]:
        """Items of which those that stand several times behind themselves are one, with a count."""
        # The same head may stand at several places, and is drawn at each.
        looks = [-index - 1 if isinstance(each.item, Side) else each.look for index, each in enumerate(items)]
        result: list[_Seen] = []
        at = 0
        while at < len(items):
            period, times = longest_repeat(looks, at)
            turn = items[at : at + period]
            if period > 1 or (times > 1 and isinstance(turn[0].item, Fork)):
                result.append(self.group(turn, times))
            else:
                last = items[at + times - 1].item
                result.append(turn[0]._replace(item=repeated(turn[0].item, last, times)))
            at += period * times
        return result

    def group(self, turn: list[_Seen], times: int) -> _Seen:
        """Items that stand behind each other so often, or branches without a name, as a frame without a name."""
        parts = tuple(each.item for each in turn)
        layers = sum(each.times * layers_of(each) for each in parts)
        cost = sum_of([cost_together(each) for each in parts])
        body = Chain(parts, parts[0].input, parts[-1].output, layers)
        frame = Frame("", body, span_of(parts[0]), body.input, body.output, cost, layers, times)
        look = self.look("group", *((each.look, each.item.times) for each in turn))
        return _Seen(frame, look, self.look("group", *((each.form, each.item.times) for each in turn)))

    def alike_folded(self, items: list[_Seen]) -> list[_Seen]:
        """Items of which frames are one that stand behind each other and are alike but for channels or decimals."""
        result: list[_Seen] = []
        for form, several in groupby(items, lambda each: each.form):
            run = list(several)
            frames = [each.item for each in run if isinstance(each.item, Frame) and each.item.times == 1]
            if len(run) < LEAST_ALIKE or len(frames) < len(run):
                result += run
                continue
            frame = repeated(merged_item(frames), frames[-1], len(frames))
            assert isinstance(frame, Frame)
            frame = frame._replace(output=frames[-1].output, alike=True)
            look = self.look("alike", *(each.look for each in run))
            result.append(_Seen(frame, look, self.look("alike", form, len(frames))))
        return result


def merged_item(items: Items[Item]) -> Item:
    """The first of items that are alike, each of its parts with what all of its kind cost together."""
    first = items[0]._replace(together=sum_of([cost_together(each) for each in items]))
    if isinstance(first, Box):
        return first
    if isinstance(first, Fork):
        columns = zip(*(each.branches for each in items if isinstance(each, Fork)), strict=True)
        return first._replace(branches=tuple(merged_chain(column) for column in columns))
    return first._replace(body=merged_chain([each.body for each in items if isinstance(each, Frame | Side)]))


def merged_chain(chains: Items[Chain]) -> Chain:
    columns = zip(*(chain.items for chain in chains), strict=True)
    return chains[0]._replace(items=tuple(merged_item(column) for column in columns))


def sum_of(costs: Items[Cost]) -> Cost:
    return Cost(sum(each.parameters for each in costs), sum(each.macs for each in costs))


def cost_together(item: Item) -> Cost:
    """What an item costs with all that it stands for in its chain."""
    if item.together is not None:
        return item.together
    return Cost(item.times * item.cost.parameters, item.times * item.cost.macs)


def without_decimals(call: Call) -> list[tuple[str | None, Any]]:
    """The arguments of a call that are not decimals."""
    return [(name, value) for name, value in call.arguments if not isinstance(value, float)]


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
        title = f"{first_name} to {last.title.partition(': ')[0]}{colon}{rest}"
        return item._replace(title=shortened(title), times=times)
    return item._replace(times=times)


def span_of(item: Item) -> Span:
    """Where an item is written; of a box, its first layer."""
    return item.spans[0] if isinstance(item, Box) else item.span
