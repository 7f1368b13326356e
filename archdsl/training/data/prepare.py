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

    channels: how many an image has. size: the network's height and width; None for one that takes a vector.
    """

    def __init__(
        self, shape: Shape, normalization: Normalization, device: torch.device, *, channels_last: bool = True
    ) -> None:
        self.shape = shape
        self.device = device
        self.channels = len(normalization.mean)
        self.size = (int(shape.height or 0), int(shape.width or 0)) if isinstance(shape, Image) else None
        self.shift = torch.tensor(normalization.mean, device=device).view(1, -1, 1, 1) * 255
        self.scale = 1 / (torch.tensor(normalization.std, device=device).view(1, -1, 1, 1) * 255)
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format

    def __call__(self, images: Tensor) -> Tensor:
        """uint8 (batch, C, H, W) in; float32 of the network's input shape out, on the device."""
        return self.arrange(self.pixels(images.to(self.device, torch.float32)))

    def pixels(self, x: Tensor) -> Tensor:
        """Normalize and resize float32 (batch, C, H, W) with values from 0 to 255, whose memory is taken."""
        x = x.sub_(self.shift).mul_(self.scale)
        if self.size is not None and x.shape[2:] != self.size:
            shrinks = x.shape[2] > self.size[0] or x.shape[3] > self.size[1]
            if shrinks or self.memory_format is not torch.channels_last:
                x = F.interpolate(x, self.size, mode="bilinear", antialias=True)
            else:  # Antialiasing would change nothing, and take twice the time where channels are last.
                x = F.interpolate(x.contiguous(memory_format=torch.channels_last), self.size, mode="bilinear")
        return x

    def arrange(self, x: Tensor) -> Tensor:
        """Of images that `pixels` made, the network's input."""
        if not isinstance(self.shape, Image):
            return x.flatten(1)
        return x.expand(-1, int(self.shape.channels or 0), -1, -1).contiguous(memory_format=self.memory_format)

    def visible(self, x: Tensor) -> Tensor:
        """Bytes again of what `pixels` made, for people to look at: uint8 (batch, C, H, W), on the CPU."""
        return (x / self.scale + self.shift).round_().clamp_(0, 255).to("cpu", torch.uint8)
