"""From bytes to a network's input, a batch at a time, on the device."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - as all of torch writes it.

from archdsl.shapes import Image, Shape
from archdsl.weights.files import Normalization


def measure(images: Tensor) -> Normalization:
    """Mean and standard deviation of each channel over all images: uint8 (count, channels, height, width)."""
    values = torch.arange(256, dtype=torch.float64) / 255
    means, stds = [], []
    for channel in range(images.shape[1]):
        counts = torch.zeros(256, dtype=torch.float64)
        for start in range(0, len(images), 1000):
            pixels = images[start : start + 1000, channel].flatten().int()
            counts += torch.bincount(pixels, minlength=256).cpu()
        share = counts / counts.sum()
        mean = (share * values).sum()
        means.append(mean.item())
        stds.append(max((share * (values - mean) ** 2).sum().sqrt().item(), 1 / 255))
    return Normalization(tuple(means), tuple(stds))


def unchanged(channels: int) -> Normalization:
    """Pixels stay numbers from 0 to 1."""
    return Normalization((0.0,) * channels, (1.0,) * channels)


class Prepare:
    """Makes a network's input from a batch of bytes.

    Images are normalized, resized to the network's height and width (bilinear, with antialiasing when they shrink,
    as PIL does), grey ones repeated for a network of three channels, and for a network that takes a vector,
    flattened.
    """

    def __init__(self, shape: Shape, normalization: Normalization, device: torch.device) -> None:
        self.shape = shape
        self.device = device
        self.shift = torch.tensor(normalization.mean, device=device).view(1, -1, 1, 1) * 255
        self.scale = 1 / (torch.tensor(normalization.std, device=device).view(1, -1, 1, 1) * 255)

    def __call__(self, images: Tensor) -> Tensor:
        """uint8 (batch, C, H, W) in; float32 of the network's input shape out, on the device."""
        x = (images.to(self.device, torch.float32) - self.shift) * self.scale
        if not isinstance(self.shape, Image):
            return x.flatten(1)
        channels, height, width = (int(size or 0) for size in self.shape)
        if x.shape[2:] != (height, width):
            x = F.interpolate(x, (height, width), mode="bilinear", antialias=True)
        return x.expand(-1, channels, -1, -1).contiguous(memory_format=torch.channels_last)
