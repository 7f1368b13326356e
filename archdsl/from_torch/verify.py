"""A spec that was written held against its module: built, given the module's weights, and run beside it."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from archdsl import network as checked
from archdsl.backends.pytorch import build
from archdsl.from_torch.graph import Refusal
from archdsl.from_torch.structure import Leaf
from archdsl.from_torch.trace import run_module

TOLERANCE = 1e-3
"""How far outputs may be apart, as a part of the largest of them.

Most are equal to the last bit; sums in another order, as of a linear layer that became a convolution, are off by some
millionths.
"""


class Verified(NamedTuple):
    """How far the outputs were apart, in evaluation and with statistics of the batch: parts of the largest output."""

    evaluated: float
    by_batch: float


def with_weights_of(
    module: nn.Module, network: checked.Network, pairs: list[tuple[Leaf, checked.Leaf]]
) -> nn.Sequential:
    """The network built, with the weights of the module: parameters shared with it, buffers copied."""
    with torch.device("meta"):
        built = build(network)
    device = next((each.device for each in module.parameters()), None)
    tensors = dict([*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)])
    made = [each for each in built.modules() if next(each.children(), None) is None]
    for (leaf, _), target in zip(pairs, made, strict=True):
        state = dict(leaf.node.state) if leaf.node is not None else {}
        for name, parameter in [*target.named_parameters()]:
            source = tensors[state[name]].detach()
            setattr(target, name, nn.Parameter(source.view(parameter.shape), requires_grad=False))
        for name, buffer in [*target.named_buffers()]:
            known = name in state
            # How many batches a norm has seen is not told where its function is called, and not looked at.
            setattr(target, name, tensors[state[name]].clone() if known else torch.zeros_like(buffer, device=device))
    return built.eval()


def verify(module: nn.Module, built: nn.Sequential, batch: Tensor, output: Tensor) -> Verified:
    """Hold what was built against the module, which gave `output` for `batch` in evaluation.

    Once more with other samples and with batch norms that go by the batch, as in training: a network fresh from its
    initialization often gives much the same for every input, and so tells little. Raises Refusal where they differ.
    """
    evaluated = _difference(output, run_module(built, batch))
    before = [[(buffer, buffer.clone()) for _, buffer in each.named_buffers()] for each in (module, built)]
    noise = torch.Generator().manual_seed(1)
    others = torch.randn(3, *batch.shape[1:], generator=noise).to(batch)
    for each in (module, built):
        for inner in each.modules():
            if isinstance(inner, _BatchNorm):
                inner.train()
    by_batch = _difference(run_module(module, others), run_module(built, others))
    for each, buffers in zip((module, built), before, strict=True):
        each.eval()
        for buffer, value in buffers:
            buffer.copy_(value)
    return Verified(evaluated, by_batch)


def _difference(expected: Any, actual: Tensor) -> float:
    """How far outputs are apart, as a part of the largest of them. Raises Refusal where that is too far."""
    if tuple(expected.shape) != tuple(actual.shape):
        raise Refusal(f"the spec gives {tuple(actual.shape)} where the module gives {tuple(expected.shape)}")
    largest = float(expected.abs().max())
    apart = float((expected - actual).abs().max())
    if not apart <= TOLERANCE * max(largest, 1e-12) and apart != 0:
        raise Refusal(
            "what the spec gives is not what the module gives, so it is not written",
            notes=(f"of outputs up to {largest:.3g}, one is {apart:.3g} off",),
            help="the module may do something that its operations do not show, as drawing by chance or keeping a state",
        )
    return apart / largest if largest else 0.0
