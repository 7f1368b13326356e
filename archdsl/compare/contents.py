"""What a node computes, as a number: two nodes have the same where they have the same layers in the same order.

Names, places in a text, keys, and whether a chain is parted into blocks count for nothing.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from archdsl.network import Branches, Call, Head, Leaf, Node, Sequence

_PRIME = 2**127 - 1
_BASE = 0x5851F42D4C957F2D14057B7EF767814F
"""A chain is a polynomial of its layers' numbers at this point, so that a chain of chains is that of all layers."""


class Atom(NamedTuple):
    """What a chain is made of, where its blocks are taken apart: a layer, branches, or an auxiliary head.

    keys: its path in the network. calls: the block calls that led to it, outermost first.
    """

    node: Leaf | Branches | Head
    keys: tuple[str, ...]
    calls: tuple[Call, ...]


class Part(NamedTuple):
    """Atoms `start` to `end - 1` of a chain, which are one body or block in the text."""

    start: int
    end: int
    node: Sequence
    keys: tuple[str, ...]
    calls: tuple[Call, ...]


class Chain(NamedTuple):
    """A chain taken apart. parts: its bodies and blocks, outer ones before inner ones."""

    atoms: list[Atom]
    parts: list[Part]


def chain_of(node: Node, keys: tuple[str, ...] = (), calls: tuple[Call, ...] = ()) -> Chain:
    """The atoms of a node."""
    atoms: list[Atom] = []
    parts: list[Part] = []

    # Recursion is safe: the language limits how deep a network nests.
    def take(node: Node, keys: tuple[str, ...], calls: tuple[Call, ...]) -> None:
        if not isinstance(node, Sequence):
            atoms.append(Atom(node, keys, calls))
            return
        start, place = len(atoms), len(parts)
        inside = calls if node.call is None else (*calls, node.call)
        for key, child in node.children:
            take(child, (*keys, key), inside)
        parts.insert(place, Part(start, len(atoms), node, keys, calls))

    take(node, keys, calls)
    return Chain(atoms, parts)


def children_of(atom: Atom) -> list[tuple[Node, tuple[str, ...], tuple[Call, ...]]]:
    """The branches of an atom, or what a head's chain is made of, each with its path and the calls that led to it."""
    node = atom.node
    if isinstance(node, Leaf):
        return []
    calls = atom.calls if node.call is None else (*atom.calls, node.call)
    return [(child, (*atom.keys, key), calls) for key, child in node.children]


Placed: TypeAlias = tuple[tuple[str, ...], Leaf]
"""A layer with its path."""


def layers_of(node: Node, keys: tuple[str, ...]) -> list[Placed]:
    """The layers of a node, in order."""
    if isinstance(node, Leaf):
        return [(keys, node)]
    return [each for key, child in node.children for each in layers_of(child, (*keys, key))]


class Contents:
    """Gives equal numbers to nodes that compute the same. It must live as long as the networks that it is asked of."""

    def __init__(self) -> None:
        self._numbers: dict[object, int] = {}
        self._known: dict[int, tuple[int, int]] = {}

    def of(self, node: Node) -> tuple[int, int]:
        """How many atoms a node has, and the number of what it computes."""
        known = self._known.get(id(node))
        if known is None:
            known = self._known[id(node)] = self._chain(node) if isinstance(node, Sequence) else (1, self._atom(node))
        return known

    def _atom(self, node: Leaf | Branches | Head) -> int:
        if isinstance(node, Leaf):
            return self._number(node.layer)
        children = tuple(self.of(child) for _, child in node.children)
        # The branches of a head are its chain.
        return self._number((node.layer, self._joined(children) if isinstance(node, Head) else children))

    def _chain(self, node: Sequence) -> tuple[int, int]:
        return self._joined(tuple(self.of(child) for _, child in node.children))

    def _joined(self, chains: tuple[tuple[int, int], ...]) -> tuple[int, int]:
        count, number = 0, 0
        for length, value in chains:
            shift = _BASE if length == 1 else pow(_BASE, length, _PRIME)
            count, number = count + length, (number * shift + value) % _PRIME
        return count, number

    def _number(self, content: object) -> int:
        # Numbers far apart, so that sums of them are not alike.
        return self._numbers.setdefault(content, (len(self._numbers) + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % _PRIME)
