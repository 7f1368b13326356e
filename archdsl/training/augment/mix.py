"""Images mixed with each other, and with their classes: mixup and cutmix, as torchvision has them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - as all of torch writes it.

from archdsl.training.augment.draws import Draws
from archdsl.training.transfer import to_device


@dataclass(frozen=True)
class Targets:
    """What is to be learned of some images: a class each, and where they are mixed, a second one; `targets[rows]`.

    first: int64 (n,). second: int64 (n,), None where nothing is mixed. weight: the part of the first.
    """

    first: Tensor
    second: Tensor | None = None
    weight: float = 1.0

    @property
    def main(self) -> Tensor:
        """The class that has the larger part."""
        return self.first if self.second is None or self.weight >= 0.5 else self.second

    def __getitem__(self, rows: slice | Tensor) -> Targets:
        return Targets(self.first[rows], None if self.second is None else self.second[rows], self.weight)

    def loss(self, logits: Tensor, label_smoothing: float = 0.0, reduction: str = "mean") -> Tensor:
        """The cross entropy with the mixed classes, each in its part: logits (n, classes) in."""
        first = F.cross_entropy(logits, self.first, reduction=reduction, label_smoothing=label_smoothing)
        if self.second is None:
            return first
        second = F.cross_entropy(logits, self.second, reduction=reduction, label_smoothing=label_smoothing)
        return self.weight * first + (1 - self.weight) * second


def mix(x: Tensor, labels: Tensor, draws: Draws) -> tuple[Tensor, Targets]:
    """Mix images with their partners: float32 (read, C, H, W) in, whose memory is taken; (count, C, H, W) out."""
    own, labels_of_own = x[: draws.count], labels[: draws.count]
    if draws.mix is None or draws.partners is None:
        return own, Targets(labels_of_own)
    partners = to_device(draws.partners, x.device)
    weight = draws.mix.weight
    if draws.mix.kind == "mixup":
        own = own.mul(weight).add_(x.index_select(0, partners), alpha=1 - weight)
    else:
        top, bottom, left, right = _box(draws, *x.shape[2:])
        own[:, :, top:bottom, left:right] = x[:, :, top:bottom, left:right].index_select(0, partners)
        weight = 1 - (bottom - top) * (right - left) / (x.shape[2] * x.shape[3])
    return own, Targets(labels_of_own, labels[partners], weight)


def _box(draws: Draws, height: int, width: int) -> tuple[int, int, int, int]:
    """What cutmix takes of the partners: the box whose area is their part, cut off at the image's edges."""
    assert draws.mix is not None
    half = 0.5 * math.sqrt(1 - draws.mix.weight)
    (row, column), half_height, half_width = draws.mix.center, int(half * height), int(half * width)
    row, column = int(row * height), int(column * width)
    return (
        max(row - half_height, 0),
        min(row + half_height, height),
        max(column - half_width, 0),
        min(column + half_width, width),
    )
