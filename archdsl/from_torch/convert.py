"""The way of the data: a module traced, its structure found, folded, written, and what was written held against it."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from archdsl.api import check
from archdsl.from_torch.agree import pairs
from archdsl.from_torch.fold import fold
from archdsl.from_torch.graph import Refusal
from archdsl.from_torch.structure import structure
from archdsl.from_torch.trace import trace
from archdsl.from_torch.verify import Verified, verify, with_weights_of
from archdsl.from_torch.write import write
from archdsl.network import Network
from archdsl.shapes import Shape


class Converted(NamedTuple):
    """A spec, checked and held against its module.

    built: the network with the weights of the module; None where that is on torch's `meta` device, and has none.
    verified: how far its outputs were from the module's; None where there was nothing to compare.
    unused: modules with weights that evaluation does not use, as auxiliary heads. idle: modules that do nothing in it.
    """

    text: str
    network: Network
    built: nn.Sequential | None
    verified: Verified | None
    unused: tuple[str, ...]
    idle: tuple[str, ...]


def convert(module: nn.Module, input: Shape, comment: str) -> Converted:
    """The spec of a module for samples of a shape. The module is put in evaluation; its weights stay as they are.

    Args:
        comment: the first line of the spec.

    Raises:
        Refusal: the module can't be run, or does what no word says.
    """
    module = getattr(module, "_orig_mod", module)  # What torch.compile was given.
    graph, batch, output = trace(module, input)
    chain = structure(graph)
    text = write(fold(chain), graph.input, (comment,))
    checked = check(text)
    if checked.network is None:
        # As what is nested too deep, or has too many layers.
        raise Refusal(f"a spec can't say it: {checked.errors[0].message}", notes=checked.errors[0].notes)
    matched = pairs(chain, checked.network)
    if batch.is_meta:
        return Converted(text, checked.network, None, None, graph.unused, graph.idle)
    built = with_weights_of(module, checked.network, matched)
    verified = verify(module, built, batch, output)
    return Converted(text, checked.network, built, verified, graph.unused, graph.idle)
