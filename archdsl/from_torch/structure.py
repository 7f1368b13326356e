"""A graph to a tree of chains and branches, as the language nests them.

A join's branches begin where the ways to all that it takes part: at the last node that stands on each of them, their
dominator. What stands in two branches is written twice, which is the same only where it has no weights and no chance;
else the graph is no nesting of branches, and is refused. Then the tree is cut into the calls of modules, wherever such
a call is one piece of a chain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from archdsl.from_torch.graph import Graph, Node, Refusal, Scope
from archdsl.layers import LAYERS
from archdsl.layers.base import Join
from archdsl.shapes import Image, Shape

_RANDOM = ("dropout", "dropout2d", "drop_path")
_ON_EACH_FEATURE = (
    *("relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "mish", "sigmoid", "tanh", "hardswish", "hardsigmoid"),
    *("prelu", "dropout", "identity", "batchnorm", "layernorm", "softmax", "log_softmax"),
)
"""What does the same to features as to the channels of one pixel."""


class Leaf(NamedTuple):
    """One layer. `node` is the operation that it comes from; None of an `identity` that stands for an empty branch."""

    node: Node | None
    input: Shape

    @property
    def scopes(self) -> tuple[Scope, ...] | None:
        return None if self.node is None else self.node.scopes


class Branches(NamedTuple):
    """A join of chains on one input."""

    node: Node
    branches: tuple[Chain, ...]
    input: Shape


class Group(NamedTuple):
    """What one call of a module does, where that is one piece of a chain."""

    scope: Scope
    items: Chain

    @property
    def entering(self) -> int | None:
        """The channels, or features, that enter."""
        first = self.items[0]
        while isinstance(first, Group):
            first = first.items[0]
        return first.input[0]

    @property
    def channels(self) -> int | None:
        """The channels, or features, that come out."""
        last = self.items[-1]
        while isinstance(last, Group):
            last = last.items[-1]
        return last.input[0] if last.node is None else last.node.shape[0]


Item: TypeAlias = Leaf | Branches | Group
Chain: TypeAlias = tuple[Item, ...]


def structure(graph: Graph) -> Chain:
    """The chain from the input to the output. Raises Refusal where the graph is no nesting of branches."""
    nodes = _nested_concats(_without_unflatten(graph))
    # What gives its input alone is one layer too.
    chain = _Tree(nodes).branch(0, graph.output)
    counts = Counter(leaf.node for leaf in leaves(chain) if leaf.node is not None)
    for node, count in counts.items():
        if count > 1 and (node.state or node.layer.word in _RANDOM):
            raise Refusal(
                f"what `{node.name or node.layer.word}` gives is used where no nesting of branches brings it",
                node.place,
                (f"`{node.layer.word}` would have to stand in {count} branches with the same weights",),
            )
    stands = {id(leaf.node): leaf.node for leaf in leaves(chain) if leaf.node is not None}
    complete = Counter(scope.call for node in stands.values() for scope in node.scopes)
    return _grouped(chain, 1, complete)


def leaves(chain: Chain) -> Iterator[Leaf]:
    """The layers, in the order of the text."""
    waiting = list(reversed(chain))
    while waiting:
        item = waiting.pop()
        if isinstance(item, Leaf):
            yield item
        elif isinstance(item, Group):
            waiting += reversed(item.items)
        else:
            waiting += [each for branch in reversed(item.branches) for each in reversed(branch)]


def _without_unflatten(graph: Graph) -> list[Node]:
    """The nodes with features that become channels of one pixel being so from the start.

    As in squeeze and excitation with linear layers: `flatten fc relu fc` and back is two convolutions of one pixel.
    """
    nodes = list(graph.nodes)
    uses = Counter(each for node in nodes for each in node.inputs)
    gone: set[int] = set()
    for place, node in enumerate(nodes):
        if node.layer.word != "unflatten":
            continue
        gone.add(place)
        at = node.inputs[0]
        while nodes[at].layer.word != "flatten":
            before = nodes[at]
            if uses[at] > 1 or len(before.inputs) != 1 or before.layer.word not in ("fc", *_ON_EACH_FEATURE):
                raise _no_picture(node)
            layer = before.layer
            if layer.word == "fc":
                layer = LAYERS["conv"](out=before.shape[0], kernel=(1, 1), nobias=vars(layer)["nobias"])
            nodes[at] = before._replace(layer=layer, shape=Image(before.shape[0], 1, 1))
            at = before.inputs[0]
        if uses[at] > 1 or nodes[nodes[at].inputs[0]].shape[1:] != (1, 1):
            raise _no_picture(node)
        gone.add(at)
    stands_for = list(range(len(nodes)))
    for place, node in enumerate(nodes):
        nodes[place] = node._replace(inputs=tuple(stands_for[each] for each in node.inputs))
        if place in gone:
            stands_for[place] = nodes[place].inputs[0]
    return nodes


def _no_picture(node: Node) -> Refusal:
    return Refusal("no word of the language makes a picture of features", node.place)


def _nested_concats(nodes: list[Node]) -> list[Node]:
    """The nodes with each `concat` taking, for values that another one before it has joined, what that one gives.

    A DenseNet joins all that came before at each of its layers: each join is the one before, and one value more.
    """
    joined: dict[tuple[int, ...], int] = {}
    stands_for = list(range(len(nodes)))
    for place, node in enumerate(nodes):
        inputs = tuple(stands_for[each] for each in node.inputs)
        if node.layer.word == "concat":
            if inputs in joined:
                stands_for[place] = joined[inputs]
                continue
            joined[inputs] = place
            for cut in range(len(inputs) - 1, 1, -1):
                if inputs[:cut] in joined:
                    inputs = (joined[inputs[:cut]], *inputs[cut:])
                    break
                if inputs[-cut:] in joined:
                    inputs = (*inputs[:-cut], joined[inputs[-cut:]])
                    break
        nodes[place] = node._replace(inputs=inputs)
    return nodes


class _Tree:
    """The nodes with their dominators: of each, the last node that every way from the input to it goes through."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.dominator = [0] * len(nodes)
        self.depth = [0] * len(nodes)
        for place, node in enumerate(nodes[1:], 1):
            common = node.inputs[0]
            for other in node.inputs[1:]:
                common = self.common(common, other)
            self.dominator[place] = common
            self.depth[place] = self.depth[common] + 1
        self.written = 0

    def common(self, a: int, b: int) -> int:
        """The last node on every way to both."""
        while a != b:
            if self.depth[a] < self.depth[b]:
                a, b = b, a
            a = self.dominator[a]
        return a

    def chain(self, source: int, sink: int) -> Chain:
        """The items that lead from the value of one node to that of another, which it dominates."""
        items: list[Item] = []
        while sink != source:
            node = self.nodes[sink]
            start = self.dominator[sink]
            self.written += 1
            if self.written > 8 * len(self.nodes):
                raise Refusal("its values go together in a way that no nesting of branches brings", node.place)
            if isinstance(node.layer, Join):
                items.append(self.join(node, start, node.inputs))
            else:
                items.append(Leaf(node, self.nodes[start].shape))
            sink = start
        return tuple(reversed(items))

    def join(self, node: Node, start: int, inputs: tuple[int, ...]) -> Branches:
        """The join of what leads from one node to several."""
        branches: list[Chain] = []
        waiting = list(inputs)
        while waiting:
            first = waiting.pop(0)
            together = [first]
            below = self.child_of(start, first)
            if node.layer.word == "concat" and below is not None:
                # Neighbours that have more of their way in common are joined among themselves, and so share it.
                while waiting and self.child_of(start, waiting[0]) == below:
                    together.append(waiting.pop(0))
            if len(together) == 1 or len(together) == len(inputs):
                branches += [self.branch(start, each) for each in together]
            else:
                common = together[0]
                for other in together[1:]:
                    common = self.common(common, other)
                inner = self.join(node._replace(place=node.place), common, tuple(together))
                branches.append((*self.chain(start, common), inner))
        # (a + b) + c is a sum of three.
        if len(branches[0]) == 1 and isinstance(head := branches[0][0], Branches):
            same = head.node.layer == node.layer and head.node.scopes == node.scopes
            if same and head.input == self.nodes[start].shape and len(inputs) == 2 and node.layer.word != "concat":
                branches[:1] = head.branches
        return Branches(node, tuple(branches), self.nodes[start].shape)

    def branch(self, start: int, end: int) -> Chain:
        return self.chain(start, end) or (Leaf(None, self.nodes[start].shape),)

    def child_of(self, start: int, place: int) -> int | None:
        """The first node on the way from one to another that stands on every way; None where they are the same."""
        child = None
        while place != start:
            child, place = place, self.dominator[place]
        return child


def _scopes(item: Item) -> tuple[Scope, ...] | None:
    """The calls of modules that all of an item stands in; None where it stands anywhere."""
    if isinstance(item, Leaf):
        return item.scopes
    assert isinstance(item, Branches)
    common = item.node.scopes
    for each in (inner for branch in item.branches for inner in branch):
        scopes = _scopes(each)
        if scopes is not None:
            same = 0
            while same < min(len(scopes), len(common)) and scopes[same] == common[same]:
                same += 1
            common = common[:same]
    return common


def _grouped(chain: Chain, depth: int, complete: Counter[int]) -> Chain:
    """The chain with the calls of modules as groups, from the given depth of calls on."""
    found: list[Item] = []
    place = 0
    while place < len(chain):
        scopes = _scopes(chain[place])
        scope = scopes[depth] if scopes is not None and len(scopes) > depth else None
        end = place + 1
        while scope is not None and end < len(chain):
            others = _scopes(chain[end])
            if others is None or len(others) <= depth or others[depth].call != scope.call:
                break
            end += 1
        part = chain[place:end]
        if scope is None:
            item = chain[place]
            if isinstance(item, Branches):
                branches = tuple(_grouped(branch, depth, complete) for branch in item.branches)
                item = item._replace(branches=branches)
            found.append(item)
        else:
            inner = _grouped(part, depth + 1, complete)
            whole = len({id(leaf.node) for leaf in leaves(part) if leaf.node is not None}) == complete[scope.call]
            if whole:
                found.append(Group(scope, inner))
            else:
                found += inner
        place = end
    return tuple(found)
