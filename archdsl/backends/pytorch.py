"""A checked network as plain torch modules."""

from __future__ import annotations

from torch import nn

from archdsl.network import Network


def build(network: Network) -> nn.Sequential:
    """Build the network as an nn.Sequential, its weights as torch initializes them.

    Its input is a batch of samples of `network.input`: (batch, channels, height, width) or (batch, features).
    """
    raise NotImplementedError
