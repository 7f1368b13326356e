"""What colours an image has: brighter, paler, turned, each image by a factor of its own.

The functions are torchvision's of the same names, for many images with a factor each. Pixels are float32 from 0 to
255, (n, C, H, W), and change in place where they can.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from archdsl.training.augment.draws import Draws

_GREY = (0.2989, 0.587, 0.114)
"""What red, green and blue add to how light a pixel is (ITU-R 601-2), as torchvision has it."""


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


def change_colors(x: Tensor, draws: Draws, colors: Colors | None) -> Tensor:
    """Change brightness, contrast, saturation and hue, in this order, and add noise along the colours' components."""
    values = {kind: value.to(x.device) for kind, value in draws.values.items() if kind in _CHANGES}
    for kind, change in _CHANGES.items():
        if kind in values:
            x = change(x, values[kind].view(-1, 1, 1, 1))
    if "pca_noise" in draws.values:
        assert colors is not None, "noise along the colours' components needs these"
        noise = (draws.values["pca_noise"] * colors.variances) @ colors.directions.T  # (n, 3)
        x = x.add_(255 * noise.to(x.device).view(-1, 3, 1, 1))
    return x


def adjust_brightness(x: Tensor, factor: Tensor) -> Tensor:
    """Multiply by a factor, (n, 1, 1, 1) as in the others."""
    return x.mul_(factor).clamp_(0, 255)


def adjust_contrast(x: Tensor, factor: Tensor) -> Tensor:
    """Move away from the mean of the image's greys, or towards it."""
    mean = _greys(x).mean((1, 2, 3), keepdim=True)
    return x.sub_(mean).mul_(factor).add_(mean).clamp_(0, 255)


def adjust_saturation(x: Tensor, factor: Tensor) -> Tensor:
    """Move each pixel away from its grey, or towards it."""
    grey = _greys(x)
    return x.sub_(grey).mul_(factor).add_(grey).clamp_(0, 255)


def adjust_hue(x: Tensor, turn: Tensor) -> Tensor:
    """Turn the hue, by parts of the whole circle.

    To hue and back by Smith (1978): of a hue in sixths, k = 5, 3, 1 more gives the way from red, green and blue.
    """
    red, green, blue = x.unsqueeze(2).unbind(1)
    value = x.amax(1, keepdim=True)  # (n, 1, H, W)
    chroma = value - x.amin(1, keepdim=True)
    divisor = torch.where(chroma == 0, 1, chroma)
    sixths = torch.where(
        value == red,
        (green - blue) / divisor,
        torch.where(value == green, (blue - red) / divisor + 2, (red - green) / divisor + 4),
    )
    way = torch.tensor([5.0, 3.0, 1.0], device=x.device).view(1, 3, 1, 1)
    way = (sixths + 6 * turn + way).remainder_(6)  # (n, 3, H, W)
    return value - chroma * torch.minimum(way, 4 - way).clamp_(0, 1)


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
