"""Which layer's output enters which layer, across blocks and bodies. Every distinct node is looked at once.

Nodes are shared, so that blocks that double themselves cost nothing; a walk over every place would take back what that
saves.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from archdsl.checker.blame import called_here
from archdsl.diagnostics.diagnostic import Label
from archdsl.layers.base import Layer
from archdsl.layers.joining import Add
from archdsl.layers.linear import Flatten
from archdsl.layers.reshaping import Identity
from archdsl.network import Branches, Call, Head, Leaf, Node, Sequence
from archdsl.source import Source

UNCHANGED: frozenset[type[Layer]] = frozenset((Identity, Flatten))
"""Layers that hand every value on as it is."""


Follow: TypeAlias = tuple[Leaf | None, Leaf | None]
"""A layer whose output enters the next one, and nothing else.

None stands for what is no layer alone: branches, a join, an auxiliary head, the input, the end.
"""


class Flow(NamedTuple):
    """A network as the rules read it.

    source: the file whose warnings are wanted.
    leaves, joins: each distinct one once.
    follows: what follows each layer directly, but for layers that change no value; once for each place in a body.
    ends: the last layer of the network and that of each auxiliary head, each with the word for it.
    calls: for each node in a block, by its identity, the block calls that lead to where it stands first.
    in_add: the identities of the leaves that stand in a branch of an `add`.
    """

    root: Sequence
    source: Source
    leaves: list[Leaf]
    joins: list[Branches]
    follows: list[Follow]
    ends: list[tuple[Leaf, str]]
    calls: dict[int, tuple[Call, ...]]
    in_add: set[int]

    def calls_to(self, node: Node) -> tuple[Label, ...]:
        """The block calls that lead to a node, innermost first."""
        return called_here(self.calls.get(id(node), ()))


def read_flow(root: Sequence, source: Source) -> Flow:
    """Read a network from its root; `source` is the file whose warnings are wanted."""
    walk = _Walk(UNCHANGED)
    last = walk.whole(root)
    ends = [(last, "network")] if last is not None else []
    ends += [(each, "auxiliary head") for each in walk.head_ends]
    flow = Flow(root, source, [], [], walk.follows, ends, {}, set())
    seen: dict[int, bool] = {}
    stack: list[tuple[Sequence | Branches | Head, tuple[Call, ...], bool]] = [(root, (), False)]
    while stack:
        node, calls, in_add = stack.pop()
        if node.call is not None:
            calls = (*calls, node.call)
        if isinstance(node, Branches):
            in_add = in_add or isinstance(node.layer, Add)
        for _, child in node.children:
            here = id(child)
            # What was met outside of an `add` is met once more inside of one.
            before = seen.get(here)
            if before is not None and (before or not in_add):
                continue
            seen[here] = in_add
            if before is None and calls:
                flow.calls[here] = calls
            if isinstance(child, Leaf):
                if before is None:
                    flow.leaves.append(child)
                if in_add:
                    flow.in_add.add(here)
                continue
            if before is None and isinstance(child, Branches):
                flow.joins.append(child)
            stack.append((child, calls, in_add))
    return flow


def follows_over(root: Sequence, passed: frozenset[type[Layer]]) -> list[Follow]:
    """What follows each layer, where layers of these classes are as if they were not there."""
    walk = _Walk(passed)
    walk.whole(root)
    return walk.follows


class _Ends(NamedTuple):
    """The first and the last layer of a part; None where it begins or ends in branches or a head.

    empty: there is no layer in it, but for those that are passed over.
    """

    first: Leaf | None
    last: Leaf | None
    empty: bool


_CLOSED = _Ends(None, None, False)


class _Walk:
    """Finds what follows what. The ends of each node are kept by its identity."""

    def __init__(self, passed: frozenset[type[Layer]]) -> None:
        self.passed = passed
        self.follows: list[Follow] = []
        self.head_ends: list[Leaf] = []
        self._ends: dict[int, _Ends] = {}

    def whole(self, root: Sequence) -> Leaf | None:
        """Walk the network; its last layer, or None where it ends in a join."""
        return self.alone(root.children)

    def alone(self, children: tuple[tuple[str, Node], ...]) -> Leaf | None:
        """Walk a chain with no layer alone before and behind it; its last layer, or None."""
        first, last, _ = self.chain(children)
        self.follows += ((None, first), (last, None))
        return last

    def chain(self, children: tuple[tuple[str, Node], ...]) -> _Ends:
        """The ends of a chain; what follows what in it is noted."""
        passed, follows = self.passed, self.follows
        first: Leaf | None = None
        last: Leaf | None = None
        empty = True
        for _, node in children:
            begin: Leaf | None
            end: Leaf | None
            if isinstance(node, Leaf):
                if node.layer.__class__ in passed:
                    continue
                begin = end = node
            else:
                ends = self.ends(node)
                if ends.empty:
                    continue
                begin, end = ends.first, ends.last
            if empty:
                first, empty = begin, False
            else:
                follows.append((last, begin))
            last = end
        return _Ends(first, last, empty)

    def ends(self, node: Node) -> _Ends:
        """The ends of a part that holds others."""
        assert not isinstance(node, Leaf)
        kept = self._ends.get(id(node))
        if kept is None:
            if isinstance(node, Sequence):
                kept = self.chain(node.children)
            elif isinstance(node, Head):
                last = self.alone(node.children)
                if last is not None:
                    self.head_ends.append(last)
                kept = _CLOSED
            else:
                for child in node.children:
                    self.alone((child,))
                kept = _CLOSED
            self._ends[id(node)] = kept
        return kept
