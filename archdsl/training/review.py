"""Images of a set as pictures, for pages."""

from __future__ import annotations

import io
from collections.abc import Sequence

import torch
from torch import Tensor

from archdsl.training.data.image_set import Images, Request

LARGEST_PICTURE = 224
"""Pixels; larger pictures are made smaller."""


def pngs_of(images: Images, indices: Sequence[int]) -> tuple[tuple[bytes, ...], int]:
    """Images of a set as PNG, in this order, and the larger side of one before it is made smaller, in pixels."""
    if not indices:
        return (), 0
    (_, pixels, _) = next(iter(images.read([Request(torch.tensor(indices))])))
    return tuple(png_of(image) for image in pixels.cpu()), max(pixels.shape[2:])


def png_of(image: Tensor) -> bytes:
    """An image as PNG: uint8 (1 or 3, height, width)."""
    from PIL import Image

    channels, height, width = image.shape
    mode = "L" if channels == 1 else "RGB"
    picture = Image.frombytes(mode, (width, height), image.permute(1, 2, 0).contiguous().numpy().tobytes())
    picture.thumbnail((LARGEST_PICTURE, LARGEST_PICTURE))
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()
