"""The few modules that torch lacks: branches, the auxiliary head, and norms and scales over channels.

In the shapes below N is the batch, C are channels, H and W height and width, F features.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class Concat(nn.Sequential):
    """Branches on the same input, their outputs joined over channels or features.

    Each child is a branch: (N, Ci, H, W) of all i become (N, sum of Ci, H, W); (N, Fi) become (N, sum of Fi).
    """

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self], dim=1)


class Add(nn.Sequential):
    """Branches on the same input, their outputs summed: all of one shape, which comes out."""

    def forward(self, x: Tensor) -> Tensor:
        first, *others = self
        y: Tensor = first(x)
        for branch in others:
            y = y + branch(x)
        return y


class Mul(nn.Sequential):
    """Branches on the same input, their outputs multiplied: all of one shape, or (N, C, 1, 1), which spreads."""

    def forward(self, x: Tensor) -> Tensor:
        first, *others = self
        y: Tensor = first(x)
        for branch in others:
            y = y * branch(x)
        return y


class Aux(nn.Sequential):
    """An auxiliary head: passes x on, and while training keeps what its chain makes of x in `aux_output`.

    `aux_weight` is the factor of the head's loss. Take the outputs with `auxiliary_outputs`, which also forgets them.
    Both names are long because they are reserved: no child can be called so.
    """

    def __init__(self, *chain: Any, weight: float = 1.0) -> None:
        super().__init__(*chain)
        self.aux_weight = weight
        self.aux_output: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        self.aux_output = None
        if self.training:
            y = x
            for module in self:
                y = module(y)
            self.aux_output = y
        return x

    def extra_repr(self) -> str:
        return f"weight={self.aux_weight}"

    def __getstate__(self) -> dict[str, Any]:
        # A copy, or what is saved, has no use for an output, and a tensor within a graph cannot be copied.
        return {**self.__dict__, "aux_output": None}


def auxiliary_outputs(model: nn.Module) -> list[tuple[float, Tensor]]:
    """Take what the auxiliary heads made in the last forward pass of training: each one's loss weight and output.

    They are forgotten by it, so that the graph behind them lives no longer than the caller needs it.
    """
    outputs = []
    for module in model.modules():
        if isinstance(module, Aux) and module.aux_output is not None:
            outputs.append((module.aux_weight, module.aux_output))
            module.aux_output = None
    return outputs


class LayerNorm2d(nn.Module):
    """LayerNorm over the channels of each pixel: (N, C, H, W) to the same; weight and bias of C."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)  # (N, H, W, C)
        x = functional.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)  # (N, C, H, W)

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, eps={self.eps}"


class Scale(nn.Module):
    """One learned factor a channel or feature, of shape (C, 1, 1) or (F,): (N, C, H, W) or (N, F) to the same."""

    def __init__(self, shape: tuple[int, ...], initial: float = 1.0) -> None:
        super().__init__()
        self.initial = initial
        self.weight = nn.Parameter(torch.full(shape, float(initial)))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight

    def extra_repr(self) -> str:
        return f"{tuple(self.weight.shape)}, initial={self.initial}"


class TakeChannels(nn.Module):
    """Channels start to end - 1: (N, C, H, W) to (N, end - start, H, W)."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__()
        self.start = start
        self.end = end

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.start : self.end]

    def extra_repr(self) -> str:
        return f"{self.start}, {self.end}"


class StochasticDepth(nn.Module):
    """All of a sample zeroed with probability p, the other samples divided by 1 - p: (N, ...) to the same.

    It draws as torchvision's StochasticDepth does with mode "row": with one seed, both give the same.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        kept = x.new_empty([len(x)] + [1] * (x.ndim - 1)).bernoulli_(1 - self.p)
        if self.p < 1:
            kept = kept / (1 - self.p)
        return x * kept

    def extra_repr(self) -> str:
        return f"p={self.p}"
