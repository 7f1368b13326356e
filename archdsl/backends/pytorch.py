"""A checked network as plain torch modules."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from archdsl.backends import pytorch_modules
from archdsl.backends.pytorch_modules import auxiliary_outputs as auxiliary_outputs
from archdsl.layers.base import Layer, ModuleCall
from archdsl.network import Leaf, Network, Node, Sequence
from archdsl.shapes import Shape


def build(network: Network) -> nn.Sequential:
    """Build the network as an nn.Sequential, its weights as torch initializes them.

    Its input is a batch of samples of `network.input`: (batch, channels, height, width) or (batch, features).
    """
    return nn.Sequential(_children(network.root))


def build_layer(layer: Layer, shape: Shape) -> nn.Module:
    """Build the torch module of one layer for samples of the given shape."""
    call = layer.module(shape)
    return module_class(call)(*call.args, **call.kwargs)


def module_class(call: ModuleCall) -> type[nn.Module]:
    """The class that a recipe names: torch's own, or one of the few that torch lacks."""
    found: type[nn.Module] = getattr(nn, call.name, None) or getattr(pytorch_modules, call.name)
    return found


def _children(node: Node) -> OrderedDict[str, nn.Module]:
    """The modules below a node. A node may stand in several places, and each makes modules of its own."""
    assert not isinstance(node, Leaf)
    return OrderedDict((key, _build(child)) for key, child in node.children)


def _build(node: Node) -> nn.Module:
    # Recursion is safe: the language limits how deep a network nests.
    if isinstance(node, Leaf):
        return build_layer(node.layer, node.input)
    if isinstance(node, Sequence):
        return nn.Sequential(_children(node))
    call = node.layer.module(node.input)
    return module_class(call)(_children(node), **call.kwargs)
