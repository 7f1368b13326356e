"""Whether a network says just what was found in a module: the same layers in the same branches, to the last number."""

from __future__ import annotations

from typing import Any

from archdsl import network as checked
from archdsl.from_torch.structure import Branches, Chain, Group, Leaf, leaves
from archdsl.layers.reshaping import Identity


class Unfaithful(Exception):
    """The text that was written does not mean what was found in the module: a mistake of ours."""


def pairs(chain: Chain, network: checked.Network) -> list[tuple[Leaf, checked.Leaf]]:
    """The layers of a chain, each with the one of the network that was written for it.

    Raises Unfaithful where the network is not just that chain.
    """
    if _of_chain(chain) != _of_node(network.root):
        raise Unfaithful
    found = [place.node for place in network.walk() if isinstance(place.node, checked.Leaf)]
    return list(zip(leaves(chain), found, strict=True))


def _of_chain(chain: Chain) -> tuple[Any, ...]:
    """A chain without its groups: layers, and joins of chains."""
    found: list[Any] = []
    for item in chain:
        if isinstance(item, Leaf):
            found.append(item.node.layer if item.node is not None else Identity())
        elif isinstance(item, Group):
            found += _of_chain(item.items)
        else:
            assert isinstance(item, Branches)
            found.append((item.node.layer.word, *map(_of_chain, item.branches)))
    return tuple(found)


def _of_node(node: checked.Node) -> tuple[Any, ...]:
    """A checked node without its levels, in the same form."""
    if isinstance(node, checked.Leaf):
        return (node.layer,)
    children = [_of_node(child) for _, child in node.children]
    if isinstance(node, checked.Sequence):
        return tuple(each for child in children for each in child)
    return ((node.layer.word, *children),)
