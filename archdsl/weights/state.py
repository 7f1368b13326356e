"""The tensors of a network, as the state dict of its torch module has them, without torch."""

from __future__ import annotations

from typing import NamedTuple

from archdsl.network import Head, Leaf, Network

Sizes = tuple[int, ...]
"""The sizes of a tensor; () is a single number."""


class Entry(NamedTuple):
    """A tensor: its key in the state dict, "features.0.weight", and its sizes."""

    key: str
    shape: Sizes


class OwnEntry(NamedTuple):
    """A tensor of a network.

    leaf: the layer that keeps it; None where only the torch module is known.
    head: the key of the auxiliary head that it is part of, or None.
    """

    key: str
    shape: Sizes
    leaf: Leaf | None = None
    head: str | None = None


def state_of(network: Network) -> list[OwnEntry]:
    """The tensors of a network in the order of its state dict, those of auxiliary heads included."""
    entries = []
    head = ""
    for place in network.walk():
        if isinstance(place.node, Head):
            head = ".".join(place.keys)
        elif isinstance(place.node, Leaf):
            leaf = place.node
            for name, shape in leaf.layer.state(leaf.input):
                entries.append(OwnEntry(".".join((*place.keys, name)), shape, leaf, head if place.in_head else None))
    return entries


def sizes(shape: Sizes) -> str:
    """Sizes as they are shown: "64x3x7x7", or "a single number"."""
    return "x".join(map(str, shape)) or "a single number"
