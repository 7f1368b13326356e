"""What is drawn for the images of a step: numbers on the CPU, before any image is there.

All of a batch is drawn at once, whatever part of it a process or an accumulated part then takes; and each kind of
change has a generator of its own, so that switching one on leaves the others as they were.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from archdsl.recipe.recipe import Augmentation
from archdsl.training.randomness import generator_of, seed_of

ATTEMPTS = 10
"""How often torchvision draws the sides of a rectangle before it gives up; what fits the image first is taken."""

CROP_RATIOS = (3 / 4, 4 / 3)
"""Of width to height, as torchvision's RandomResizedCrop has them."""

ERASED_AREAS = (0.02, 0.33)
ERASED_RATIOS = (1 / 3.3, 1 / 0.3)
"""Of the image's area, and of width to height, as torchvision's RandomErasing has them."""

_DISTANCE = 8
"""How far before an image its partner is, in a batch of more than so many images."""

COLOR_FACTORS = ("brightness", "contrast", "saturation")
COLOR_CHANGES = (*COLOR_FACTORS, "hue")
"""What torchvision's ColorJitter does, in an order that is drawn."""


@dataclass(frozen=True)
class Mix:
    """How the images of a batch are mixed with each other: all in one way, as torchvision's MixUp and CutMix do it.

    weight: the part of each image that is its own. center: where cutmix's box is, in parts of height and width.
    """

    kind: Literal["mixup", "cutmix"]
    weight: float
    center: tuple[float, float]


@dataclass(frozen=True)
class Draws:
    """What was drawn for a batch, or for some of its images: `draws[rows]`.

    count: of how many images they are. positions: where in the batch the images lie that are to be read, int64 (read,):
        these, and after them the ones that are mixed into these and are not among them.
    values: by kind, a tensor of a row for each image that is read; only the kinds that are switched on.
    partners: int64 (count,), which of the images that are read is mixed into each; None where nothing is mixed.
    colors: the changes of colours, in the order in which they are made: one order for the batch.
    """

    count: int
    positions: Tensor
    values: Mapping[str, Tensor]
    mix: Mix | None = None
    partners: Tensor | None = None
    colors: tuple[str, ...] = ()

    def __getitem__(self, rows: slice | Tensor | int) -> Draws:
        if isinstance(rows, slice) and rows.indices(self.count) == (0, self.count, 1):
            return self
        own = torch.arange(self.count)[rows].reshape(-1)
        if self.partners is None:
            chosen, partners = own, None
        else:
            wanted = self.partners[own]
            chosen = torch.cat((own, wanted[~torch.isin(wanted, own)]))
            place = torch.empty(len(self.positions), dtype=torch.int64)
            place[chosen] = torch.arange(len(chosen))
            partners = place[wanted]
        values = {kind: value[chosen] for kind, value in self.values.items()}
        return Draws(len(own), self.positions[chosen], values, self.mix, partners, self.colors)


def draw(augmentation: Augmentation, count: int, seed: int, step: int) -> Draws:
    """Draw for the `count` images of a step; the same seed and step give the same numbers.

    Each image is mixed with the one eight before it: so parts that take every second, fourth or eighth image, or a
    stretch of them, hold most of their own partners.
    The values by kind, float32 but for the first two and erase:
        flip: bool (count,). shift: int64 (count, 2), down and right, in pixels.
        crop: (count, 10, 2), the area in parts of the image's and the width by the height of ten boxes, of which the
            first that fits is taken. crop_place: (count, 2), from 0 to 1 where it may lie, down and right.
        brightness, contrast, saturation: (count,), factors. hue: (count,), parts of a turn.
        pca_noise: (count, 3), how much of each principal component is added.
        erase: bool (count,). erase_box, erase_place: as of crop. erase_noise: (count, 2), which piece of noise.
    """

    def uniform(kind: str, *shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator_of(seed, kind, step))

    values: dict[str, Tensor] = {}
    if augmentation.flip:
        values["flip"] = uniform("flip") < 0.5
    if augmentation.shift:
        most = augmentation.shift
        values["shift"] = torch.randint(-most, most + 1, (count, 2), generator=generator_of(seed, "shift", step))
    if augmentation.crop is not None:
        values["crop"] = _boxes(uniform("crop", ATTEMPTS, 2), (augmentation.crop, 1.0), CROP_RATIOS)
        values["crop_place"] = uniform("crop_place", 2)
    for kind in COLOR_FACTORS:
        if strength := getattr(augmentation, kind):
            values[kind] = 1 + strength * (2 * uniform(kind) - 1)
    if augmentation.hue:
        values["hue"] = augmentation.hue * (2 * uniform("hue") - 1)
    if augmentation.pca_noise:
        noise = torch.randn(count, 3, generator=generator_of(seed, "pca_noise", step))
        values["pca_noise"] = augmentation.pca_noise * noise
    if augmentation.erase:
        values["erase"] = uniform("erase") < augmentation.erase
        values["erase_box"] = _boxes(uniform("erase_box", ATTEMPTS, 2), ERASED_AREAS, ERASED_RATIOS)
        values["erase_place"] = uniform("erase_place", 2)
        values["erase_noise"] = uniform("erase_noise", 2)
    colors = sorted((kind for kind in COLOR_CHANGES if kind in values), key=lambda kind: _turn(kind, seed, step))
    mix = _draw_mix(augmentation, seed, step)
    positions = torch.arange(count)
    distance = _DISTANCE if count > _DISTANCE else count // 2
    partners = None if mix is None else (positions - distance) % count
    return Draws(count, positions, values, mix, partners, tuple(colors))


def _turn(kind: str, seed: int, step: int) -> float:
    """Where among the changes of colours one is made, of the others or without them: the least comes first."""
    return random.Random(seed_of(seed, f"turn of {kind}", step)).random()


def _boxes(chance: Tensor, areas: tuple[float, float], ratios: tuple[float, float]) -> Tensor:
    """Areas, and ratios whose logarithms are spread evenly, of numbers from 0 to 1: (count, 10, 2) in and out."""
    low, high = areas
    least, most = (math.log(ratio) for ratio in ratios)
    area, ratio = chance.unbind(-1)
    return torch.stack((low + (high - low) * area, (least + (most - least) * ratio).exp()), -1)


def _draw_mix(augmentation: Augmentation, seed: int, step: int) -> Mix | None:
    kinds: list[Literal["mixup", "cutmix"]] = []
    if augmentation.mixup:
        kinds.append("mixup")
    if augmentation.cutmix:
        kinds.append("cutmix")
    if not kinds:
        return None
    kind = random.Random(seed_of(seed, "mix", step)).choice(kinds)
    chance = random.Random(seed_of(seed, kind, step))
    alpha = getattr(augmentation, kind)
    return Mix(kind, chance.betavariate(alpha, alpha), (chance.random(), chance.random()))
