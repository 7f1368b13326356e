"""Where the pixels of an image come from: shifted, mirrored, cropped, or erased."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - as all of torch writes it.

from archdsl.training.augment.draws import CROP_RATIOS, Draws
from archdsl.training.transfer import to_device

_SMALL = 4096
"""Images of so many bytes and fewer are faster changed all at once on a CPU, larger ones one after the other."""


def shift_and_mirror(images: Tensor, shift: Tensor | None, flip: Tensor | None) -> Tensor:
    """Move images by whole pixels, black coming in, and then mirror some of them, left to right.

    images: uint8 (n, C, H, W). shift: int64 (n, 2), down and right. flip: bool (n,). Both are on the CPU.
    """
    count, _, height, width = images.shape
    shift = torch.zeros(count, 2, dtype=torch.int64) if shift is None else shift
    flip = torch.zeros(count, dtype=torch.bool) if flip is None else flip
    border = int(shift.abs().max()) if count else 0
    padded = F.pad(images, (border,) * 4)
    starts = border - shift
    if _one_by_one(images):
        pieces = []
        for image, (top, left), mirrored in zip(padded, starts.tolist(), flip.tolist(), strict=True):
            piece = image[:, top : top + height, left : left + width]
            pieces.append(piece.flip(-1) if mirrored else piece)
        return torch.stack(pieces)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # A view: (n, C, tops, lefts, H, W).
    top, left = to_device(starts, images.device).unbind(1)
    moved = windows[torch.arange(count, device=images.device), :, top, left]
    return torch.where(to_device(flip, images.device).view(-1, 1, 1, 1), moved.flip(-1), moved)


def crop_box(height: int, width: int, draws: Draws) -> tuple[int, int, int, int]:
    """The top, left, height and width that a random crop keeps of an image, of the first that `draws` is of."""
    top, left, kept_height, kept_width = crop_boxes(height, width, draws[0])[0].tolist()
    return top, left, kept_height, kept_width


def crop_boxes(height: int, width: int, draws: Draws) -> Tensor:
    """The same of all images, which are of one size: int64 (n, 4), on the CPU.

    As in torchvision's RandomResizedCrop, an image that no box fits is cut around its middle.
    """
    boxes, fits = _first_that_fit(height, width, draws.values["crop"], draws.values["crop_place"])
    least, most = CROP_RATIOS
    kept_height, kept_width = min(height, round(width / least)), min(width, round(height * most))
    middle = torch.tensor([(height - kept_height) // 2, (width - kept_width) // 2, kept_height, kept_width])
    return torch.where(fits.unsqueeze(1), boxes, middle)


def crop_and_resize(images: Tensor, boxes: Tensor, height: int, width: int) -> Tensor:
    """Resize a box of each image to one size, as torchvision does it: bilinear, with antialiasing.

    images: uint8 (n, C, H, W). boxes: int64 (n, 4), on the CPU. Returns (n, C, height, width) with values from 0 to
    255: bytes of large images on a CPU, and else float32, of one product of matrices for all images.
    """
    if _one_by_one(images):
        pieces = [
            F.interpolate(
                images[i : i + 1, :, top : top + kept_height, left : left + kept_width],
                (height, width),
                mode="bilinear",
                antialias=True,
            )
            for i, (top, left, kept_height, kept_width) in enumerate(boxes.tolist())
        ]
        return torch.cat(pieces)
    top, left, kept_height, kept_width = to_device(boxes.float(), images.device).unbind(1)
    rows = _resampling(top, kept_height, images.shape[2], height)  # (n, height, H)
    columns = _resampling(left, kept_width, images.shape[3], width)  # (n, width, W)
    return rows.unsqueeze(1) @ images.float() @ columns.transpose(1, 2).unsqueeze(1)


def erase(x: Tensor, draws: Draws, noise: Tensor) -> None:
    """Fill a rectangle of some images with noise, in place, as torchvision's RandomErasing does.

    x: float32 (n, C, H, W), normalized. noise: (C, 2 H, 2 W), of which each rectangle takes a piece.
    """
    height, width = x.shape[2:]
    values = draws.values
    boxes, fits = _first_that_fit(height - 1, width - 1, values["erase_box"], values["erase_place"], (height, width))
    starts = (values["erase_noise"] * torch.tensor([height, width])).long()
    for i in (fits & values["erase"]).nonzero().flatten().tolist():
        (top, left, erased_height, erased_width), (row, column) = boxes[i].tolist(), starts[i].tolist()
        piece = noise[:, row : row + erased_height, column : column + erased_width]
        x[i, :, top : top + erased_height, left : left + erased_width] = piece


def _first_that_fit(
    height: int, width: int, sides: Tensor, place: Tensor, image: tuple[int, int] | None = None
) -> tuple[Tensor, Tensor]:
    """The first box of each image whose sides are at most the height and width: int64 (n, 4), and whether one is.

    sides: (n, 10, 2), areas in parts of the image's, and width by height. place: (n, 2), from 0 to 1.
    image: its height and width, where a box may not be as large.
    """
    of_height, of_width = image or (height, width)
    area, ratio = (sides.double() * torch.tensor([of_height * of_width, 1.0])).unbind(-1)
    box_heights, box_widths = (area / ratio).sqrt().round().long(), (area * ratio).sqrt().round().long()
    fit = (box_heights > 0) & (box_heights <= height) & (box_widths > 0) & (box_widths <= width)
    first = fit.int().argmax(1, keepdim=True)
    box_height, box_width = box_heights.gather(1, first).squeeze(1), box_widths.gather(1, first).squeeze(1)
    free = torch.stack((of_height - box_height, of_width - box_width), 1)
    corner = (place * (free + 1)).long().minimum(free)
    return torch.cat((corner, torch.stack((box_height, box_width), 1)), 1), fit.any(1)


def _resampling(start: Tensor, length: Tensor, size: int, new_size: int) -> Tensor:
    """What part each old pixel between start and start + length, float32 (n,), has in each new: (n, new, old).

    A new pixel is a weighted mean of those around its middle, with weights that fall linearly to 0 at a distance of
    one pixel, old or new, whichever is larger.
    """
    scale = (length / new_size).view(-1, 1, 1)
    old = torch.arange(size, device=start.device) + 0.5
    new = (torch.arange(new_size, device=start.device) + 0.5).view(-1, 1)
    distance = (old - (start.view(-1, 1, 1) + new * scale)).abs() / scale.clamp(min=1)
    inside = (old > start.view(-1, 1, 1)) & (old < (start + length).view(-1, 1, 1))
    weights = (1 - distance).clamp(min=0) * inside
    return weights / weights.sum(2, keepdim=True)


def _one_by_one(images: Tensor) -> bool:
    return images.device.type == "cpu" and images[0].numel() > _SMALL if len(images) else False
