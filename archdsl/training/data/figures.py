"""Ten classes of figures that the program draws by itself, for training where no data set is on the disk.

Each image has one figure on a sloping background. Its place, size, turn, contrast, sharpness and noise are drawn at
random, and it is lighter or darker than what surrounds it with equal chance, so that no single pixel tells the
class: a linear classifier stays near chance, and a convolutional network has something to learn.

A figure is a signed distance function: for a point in the figure's own coordinates, where the figure just fits in
the unit circle, how far outside of the figure the point is (below zero inside).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

SMALLEST_SIDE = 16
"""Below that many pixels in height or width, the figures can't be told apart."""

_BLOCK = 200
_STREAMS = {"train": 0, "test": 1}


def _box(x: Tensor, y: Tensor, half_width: float, half_height: float) -> Tensor:
    return torch.maximum(x.abs() - half_width, y.abs() - half_height)


def _fold(x: Tensor, y: Tensor, sectors: int) -> tuple[Tensor, Tensor]:
    """Turn every point into the first of `sectors` equal sectors, and mirror it to the upper half."""
    width = 2 * math.pi / sectors
    angle = torch.remainder(torch.atan2(y, x) + width / 2, width) - width / 2
    radius = torch.hypot(x, y)
    return radius * angle.cos(), radius * angle.abs().sin()


def _disc(x: Tensor, y: Tensor) -> Tensor:
    return torch.hypot(x, y) - 0.85


def _ring(x: Tensor, y: Tensor) -> Tensor:
    return (torch.hypot(x, y) - 0.75).abs() - 0.2


def _square(x: Tensor, y: Tensor) -> Tensor:
    return _box(x, y, 0.7, 0.7)


def _frame(x: Tensor, y: Tensor) -> Tensor:
    return _box(x, y, 0.57, 0.57).abs() - 0.14


def _triangle(x: Tensor, y: Tensor) -> Tensor:
    folded_x, _ = _fold(x, y, 3)
    return folded_x - 0.5


def _cross(x: Tensor, y: Tensor) -> Tensor:
    return torch.minimum(_box(x, y, 0.92, 0.24), _box(x, y, 0.24, 0.92))


def _star(x: Tensor, y: Tensor) -> Tensor:
    folded_x, folded_y = _fold(x, y, 5)
    inner_x, inner_y = 0.4 * math.cos(math.pi / 5), 0.4 * math.sin(math.pi / 5)
    edge = math.hypot(1 - inner_x, inner_y)
    return ((folded_x - 1) * inner_y + folded_y * (1 - inner_x)) / edge


def _crescent(x: Tensor, y: Tensor) -> Tensor:
    return torch.maximum(torch.hypot(x, y) - 0.95, 0.75 - torch.hypot(x - 0.45, y))


def _stripes(x: Tensor, y: Tensor) -> Tensor:
    return torch.minimum(_box(x, y, 0.14, 0.85), _box(x.abs() - 0.6, y, 0.14, 0.75))


def _dots(x: Tensor, y: Tensor) -> Tensor:
    folded_x, folded_y = _fold(x, y, 3)
    return torch.hypot(folded_x - 0.62, folded_y) - 0.34


FIGURES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "disc": _disc,
    "ring": _ring,
    "square": _square,
    "frame": _frame,
    "triangle": _triangle,
    "cross": _cross,
    "star": _star,
    "crescent": _crescent,
    "stripes": _stripes,
    "dots": _dots,
}
"""The classes in the order of their labels, each with its signed distance function."""


def draw_figures(
    count: int, channels: int, height: int, width: int, *, seed: int = 0, part: str = "train"
) -> tuple[Tensor, Tensor]:
    """Draw `count` images: uint8 (count, channels, height, width), and labels: int64 (count,).

    The same arguments give the same images, and fewer of them are the first of more. Every run of ten images has
    each class once. The parts "train" and "test" are drawn from random streams that have nothing in common. The
    seed is below 2^31.
    """
    images = torch.empty(count, channels, height, width, dtype=torch.uint8)
    generator = torch.Generator().manual_seed(seed * 2 + _STREAMS[part])  # It takes 32 bits, and drops the others.
    for start in range(0, count, _BLOCK):
        stop = min(start + _BLOCK, count)
        images[start:stop] = _draw_block(channels, height, width, generator)[: stop - start]
    return images, torch.arange(count) % len(FIGURES)


def _draw_block(channels: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """Draw _BLOCK images, of the classes in turn."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(_BLOCK, *(shape or (1, 1)), generator=generator)

    def signs(*shape: int) -> Tensor:
        return torch.randint(2, (_BLOCK, *shape), generator=generator) * 2.0 - 1

    side = min(height, width)
    radius = uniform(0.2, 0.38) * side  # (block, 1, 1), like all that one image has one of.
    squeeze = uniform(0.85, 1.15)
    turn = uniform(0, 2 * math.pi)
    center_y = radius + uniform(0, 1) * (height - 2 * radius)
    center_x = radius + uniform(0, 1) * (width - 2 * radius)

    y = torch.arange(height).view(1, height, 1) + 0.5 - center_y  # (block, height, 1)
    x = torch.arange(width).view(1, 1, width) + 0.5 - center_x  # (block, 1, width)
    along = (x * turn.cos() + y * turn.sin()) / (radius * squeeze)  # (block, height, width)
    across = (y * turn.cos() - x * turn.sin()) * squeeze / radius
    distance = torch.empty(_BLOCK, height, width)
    for label, figure in enumerate(FIGURES.values()):
        distance[label :: len(FIGURES)] = figure(along[label :: len(FIGURES)], across[label :: len(FIGURES)])
    blur = uniform(0.7, 0.7 + side / 48)  # The width of the edge in pixels.
    cover = (0.5 - distance * radius / blur).clamp_(0, 1).unsqueeze(1)  # (block, 1, height, width)

    slope = uniform(-0.25, 0.25) * (x / width) + uniform(-0.25, 0.25) * (y / height)
    ground = uniform(0.3, 0.7, channels, 1, 1) + slope.unsqueeze(1)  # (block, channels, height, width)
    contrast = uniform(0.3, 0.6, 1, 1, 1) * uniform(0.6, 1, channels, 1, 1) * signs(channels, 1, 1)
    grain = uniform(0.02, 0.1, 1, 1, 1) * torch.randn(_BLOCK, channels, height, width, generator=generator)
    return ((ground + contrast * cover + grain) * 255).clamp_(0, 255).to(torch.uint8)
