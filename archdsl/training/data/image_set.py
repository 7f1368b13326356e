"""What every data set is once it is read: bytes in one tensor."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class ImageSet(NamedTuple):
    """Images as uint8 (count, channels, height, width), and their classes as int64 (count,)."""

    images: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> ImageSet:
        return ImageSet(self.images.to(device), self.labels.to(device))

    def part(self, count: int | None, seed: int) -> ImageSet:
        """A random part of `count` images, always the same for a seed; all of them where there are no more."""
        if count is None or count >= len(self.labels):
            return self
        chosen = torch.randperm(len(self.labels), generator=torch.Generator().manual_seed(seed))[:count].sort().values
        return ImageSet(self.images[chosen], self.labels[chosen])


class DataSet(NamedTuple):
    """Images to learn from, images never learned from, and the names of the classes in the order of their labels."""

    name: str
    classes: tuple[str, ...]
    train: ImageSet
    test: ImageSet
