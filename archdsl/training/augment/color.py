"""What colours an image has: brighter, paler, turned, each image by a factor of its own.

The functions are torchvision's of the same names, for many images with a factor each. Pixels are float32 from 0 to
255, (n, C, H, W), and change in place. All images of a batch are changed in one order: an order for each, as
torchvision's ColorJitter has it for images that come one by one, takes up to three times as long.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from archdsl.training.augment.draws import Draws
from archdsl.training.transfer import to_device

_GREY = (0.2989, 0.587, 0.114)
"""What red, green and blue add to how light a pixel is (ITU-R 601-2), as torchvision has it."""

_NEAR = 2**19
"""So many numbers lie in a core's own memory together with what is computed of them."""


class Colors(NamedTuple):
    """The principal components of the colours of a data set, with pixels from 0 to 1.

    variances: float32 (3,), along each. directions: float32 (3, 3), a column for each.
    """

    variances: Tensor
    directions: Tensor


def measure_colors(images: Tensor) -> Colors:
    """The principal components over all pixels of uint8 (n, 3, H, W) (Krizhevsky et al. 2012, section 4.1)."""
    total = torch.zeros(3, dtype=torch.float64)
    products = torch.zeros(3, 3, dtype=torch.float64)
    for part in torch.split(images, max(1, 2**20 // images[0, 0].numel())):
        pixels = part.transpose(0, 1).flatten(1).cpu().double()  # (3, pixels)
        total += pixels.sum(1)
        products += pixels @ pixels.T
    count = len(images) * images[0, 0].numel()
    mean = total / count
    variances, directions = torch.linalg.eigh((products / count - mean.outer(mean)) / 255**2)
    return Colors(variances.clamp(min=0).float(), directions.float())


def change_colors(x: Tensor, draws: Draws, colors: Colors | None) -> None:
    """Change brightness, contrast, saturation and hue, in the order drawn; add noise along the colours' components."""
    factors = {kind: to_device(draws.values[kind], x.device).view(-1, 1, 1, 1) for kind in draws.colors}
    few = _piece(x)
    for start in range(0, len(x) if factors else 0, few):
        for kind, factor in factors.items():
            _CHANGES[kind](x[start : start + few], factor[start : start + few])
    if "pca_noise" in draws.values:
        assert colors is not None, "noise along the colours' components needs these"
        noise = (draws.values["pca_noise"] * colors.variances) @ colors.directions.T  # (n, 3)
        x.add_(255 * to_device(noise, x.device).view(-1, 3, 1, 1))


def adjust_brightness(x: Tensor, factor: Tensor) -> None:
    """Multiply by a factor, (n, 1, 1, 1) as in the others."""
    x.mul_(factor).clamp_(0, 255)


def adjust_contrast(x: Tensor, factor: Tensor) -> None:
    """Move away from the mean of the image's greys, or towards it."""
    mean = _greys(x.mean((2, 3), keepdim=True))
    x.mul_(factor).add_(mean * (1 - factor)).clamp_(0, 255)


def adjust_saturation(x: Tensor, factor: Tensor) -> None:
    """Move each pixel away from its grey, or towards it."""
    x.lerp_(_greys(x), 1 - factor).clamp_(0, 255)


def adjust_hue(x: Tensor, turn: Tensor) -> None:
    """Turn the hue, by parts of the whole circle.

    To hue and back as Smith (1978) has it. The hue is counted in sixths from red; a colour is at its full at a
    distance of up to one from its own place on the circle, and has all chroma taken off at two and more.
    """
    red, green, blue = colors = x.unsqueeze(2).unbind(1)  # Each (n, 1, H, W), a view.
    value = red.maximum(green).maximum(blue)
    chroma = value - red.minimum(green).minimum(blue)
    per_chroma = 1 / chroma.clamp(min=1e-6)
    # Where red is the largest, that is the hue; else where green is; else where blue is. A mean by parts of 0 and 1
    # takes half the time of a choice.
    is_red, is_green = (value == red).float(), (value == green).float()
    hue = (red - green).mul_(per_chroma).add_(4)
    hue.lerp_((blue - red).mul_(per_chroma).add_(2), is_green).lerp_((green - blue).mul_(per_chroma), is_red)
    hue.add_(6 * turn)
    hue.sub_((hue / 6).floor_(), alpha=6)
    for color, opposite in zip(colors, (3.0, 5.0, 1.0), strict=True):
        distance = (hue - opposite).abs_().sub_(3).abs_()
        torch.sub(value, distance.sub_(1).clamp_(0, 1).mul_(chroma), out=color)


_CHANGES = {
    "brightness": adjust_brightness,
    "contrast": adjust_contrast,
    "saturation": adjust_saturation,
    "hue": adjust_hue,
}


def _greys(x: Tensor) -> Tensor:
    """(n, C, H, W) to (n, 1, H, W); grey images are what they are."""
    if x.shape[1] != 3:
        return x
    red, green, blue = x.unsqueeze(2).unbind(1)
    return (_GREY[0] * red).add_(green, alpha=_GREY[1]).add_(blue, alpha=_GREY[2])


def _piece(x: Tensor) -> int:
    """How many images are changed at once: as many as a CPU keeps near itself, which takes half the time of all."""
    return max(1, _NEAR // x[0].numel()) if x.device.type == "cpu" and len(x) else max(1, len(x))
