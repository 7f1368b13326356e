"""The whole of an augmentation: from the bytes of images to a network's input, and from labels to targets."""

from __future__ import annotations

from contextlib import closing

import torch
from torch import Tensor

from archdsl.errors import TrainingError
from archdsl.recipe.recipe import Augmentation
from archdsl.training.augment.color import Colors, change_colors
from archdsl.training.augment.draws import Draws, draw
from archdsl.training.augment.geometry import crop_and_resize, crop_boxes, erase, shift_and_mirror
from archdsl.training.augment.mix import Targets, mix
from archdsl.training.data.image_set import Images, Request
from archdsl.training.data.prepare import Prepare
from archdsl.training.randomness import generator_of

_OF_COLORS = ("saturation", "hue", "pca_noise")


def check_augmentation(augmentation: Augmentation, images: Images) -> None:
    """Raise TrainingError where an augmentation would do nothing to such images, or leave nothing of them.

    That is grey images which are to change in what they lack, and a shift as wide as an image.
    """
    for key in _OF_COLORS:
        if getattr(augmentation, key) and images.channels != 3:
            has = "are grey" if images.channels == 1 else f"have {images.channels} channels"
            raise TrainingError(
                f"augmentation.{key}: it changes colours, and the images {has}; leave it out, or say 0", of_all=True
            )
    if augmentation.shift and len(images):
        with closing(images.read([Request(torch.zeros(1, dtype=torch.int64))])) as read:
            _, first, _ = next(read)
        height, width = first.shape[2:]
        if augmentation.shift >= min(height, width):
            raise TrainingError(
                f"augmentation.shift: {augmentation.shift} pixels leave nothing of images of {height}x{width}",
                of_all=True,
            )


class Augment:
    """Does what a recipe's `augmentation` says, and prepares images for the network.

    The order is: shift, flip, crop with resizing to the network's input, colours, normalization, erase, mix. Where
    nothing is cropped, resizing comes after normalization.
    """

    def __init__(self, augmentation: Augmentation, prepare: Prepare, colors: Colors | None = None) -> None:
        """The images must be such that `check_augmentation` finds nothing.

        colors: the components of the colours, from `measure_colors`; needed for pca_noise alone.
        """
        self.augmentation = augmentation
        self.prepare = prepare
        self.colors = colors
        self._noise: Tensor | None = None

    def draw(self, count: int, seed: int, step: int) -> Draws:
        """What is drawn for the batch of a step, of `count` images over all of its parts and processes."""
        return draw(self.augmentation, count, seed, step)

    def __call__(
        self, images: Tensor, labels: Tensor, draws: Draws, crops_done: bool = False
    ) -> tuple[Tensor, Targets]:
        """Augment images, and prepare them.

        Args:
            images: uint8 (read, C, H, W), those of `draws.positions` in the batch.
            labels: int64 (read,), theirs.
            draws: of these images.
            crops_done: whether the images are already cropped, as those are that come from large files.

        Returns:
            The network's input, of the first `draws.count` images, and the targets of these.
        """
        x, targets = self.pixels(images, labels, draws, crops_done)
        return self.prepare.arrange(x), targets

    def pixels(self, images: Tensor, labels: Tensor, draws: Draws, crops_done: bool = False) -> tuple[Tensor, Targets]:
        """The same before `Prepare.arrange`: images still, float32 (count, C, height, width)."""
        if not len(images) == len(labels) == len(draws.positions):
            raise ValueError(f"{len(images)} images and {len(labels)} labels for draws of {len(draws.positions)}")
        values, prepare = draws.values, self.prepare
        height, width = images.shape[2:]
        images = images.to(prepare.device)
        if "shift" in values or "flip" in values:
            images = shift_and_mirror(images, values.get("shift"), values.get("flip"))
        if "crop" in values and not crops_done:
            size = (height, width) if prepare.size is None else prepare.size
            images = crop_and_resize(images, crop_boxes(height, width, draws), *size)
        x = images.to(torch.float32)
        change_colors(x, draws, self.colors)
        x = prepare.pixels(x)
        if "erase" in values:
            erase(x, draws, self._noise_like(x))
        return mix(x, labels.to(prepare.device), draws)

    def _noise_like(self, x: Tensor) -> Tensor:
        """Noise in four times an image's area, always the same."""
        if self._noise is None:
            shape = (x.shape[1], 2 * x.shape[2], 2 * x.shape[3])
            self._noise = torch.randn(shape, generator=generator_of(0, "noise to erase with", 0)).to(x.device)
        return self._noise
