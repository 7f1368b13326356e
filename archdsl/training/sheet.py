"""A sheet of a data set's images as the network sees them: each once as it is, and then as chance changes it."""

from __future__ import annotations

import unicodedata
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from archdsl.diagnostics.render import printable
from archdsl.recipe.recipe import Augmentation
from archdsl.training.augment import Augment, Draws, Targets
from archdsl.training.data.image_set import DataSet, Request
from archdsl.training.data.prepare import Prepare
from archdsl.training.randomness import generator_of

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

ROWS = 10
COLUMNS = 8
SOFTWARE = "archdsl data show"
"""What a sheet says in its own file that it was made by."""

_SHORTEST, _LONGEST = 96, 160
"""Between these, in pixels, the longer side of an image is shown as it is; smaller ones are shown at a multiple."""

_GAP, _MARGIN, _LINE = 8, 16, 15
_INK, _PALE, _PAPER = "#1a1a1a", "#767676", "#f3f3f3"


class Cell(NamedTuple):
    """An image, uint8 (C, H, W), and the lines below it."""

    pixels: Tensor
    lines: tuple[str, ...]


def draw_sheet(data: DataSet, augment: Augment, seed: int) -> bytes:
    """A PNG with a row for each of up to ten classes: an image to learn from, and seven ways that it may look.

    Where nothing is changed by chance, there are eight images of each class. Which images, and what is drawn for
    them, is a function of the seed.
    """
    changes = words_of(augment.augmentation)
    indices = _choose(data, COLUMNS if not changes else 1, seed)  # (rows, images)
    columns = [_as_they_are(data, augment.prepare, column) for column in indices.unbind(1)]
    if changes:
        columns += [_changed(data, augment, indices[:, 0], seed, step) for step in range(COLUMNS - 1)]
    rows = [list(row) for row in zip(*columns, strict=True)]
    title = f"{data.name}: images to learn from, as the network sees them"
    heads = ("as it is", f"changed by chance: {changes}") if changes else ("nothing is changed by chance",)
    return _png(_paint(rows, printable(title), heads))


def words_of(augmentation: Augmentation) -> str:
    """What an augmentation does, in one line: "flip, shift 2"; empty where it does nothing."""
    words = []
    for key in type(augmentation).model_fields:
        value = getattr(augmentation, key)
        if value:
            name = key.replace("_", " ")
            words.append(name if value is True else f"{name} {value:g}")
    return ", ".join(words)


def _choose(data: DataSet, each: int, seed: int) -> Tensor:
    """Which images are shown, int64 (rows, each): of classes that are spread evenly over all."""
    labels = data.train.labels.cpu()
    there = torch.unique(labels).tolist()
    count = min(ROWS, len(there))
    chance = torch.randperm(len(labels), generator=generator_of(seed, "sheet", 0))
    of_class = [chance[labels[chance] == there[i * len(there) // count]] for i in range(count)]
    if each > 1:
        return torch.stack([found[torch.arange(each) % len(found)] for found in of_class])
    # Where there are fewer classes than rows, a class has several.
    in_turn = [found[turn] for turn in range(ROWS) for found in of_class if turn < len(found)]
    return torch.stack(in_turn[:ROWS]).unsqueeze(1)


def _as_they_are(data: DataSet, prepare: Prepare, indices: Tensor) -> list[Cell]:
    images, labels = _read(data, indices, None)
    pixels = prepare.visible(prepare.pixels(images.to(prepare.device, torch.float32)))
    return [Cell(image, (_name(data, label),)) for image, label in zip(pixels, labels, strict=True)]


def _changed(data: DataSet, augment: Augment, indices: Tensor, seed: int, step: int) -> list[Cell]:
    draws = augment.draw(len(indices), seed, step)
    images, labels = _read(data, indices[draws.positions], draws)
    x, targets = augment.pixels(images, labels, draws, data.train.crops_on_read)
    pixels = augment.prepare.visible(x)
    return [Cell(image, _mixture(data, targets, i)) for i, image in enumerate(pixels)]


def _read(data: DataSet, indices: Tensor, draws: Draws | None) -> tuple[Tensor, Tensor]:
    _, images, labels = next(iter(data.train.read([Request(indices, draws)])))
    return images, labels


def _name(data: DataSet, label: Tensor) -> str:
    return printable(data.classes[int(label)])


def _mixture(data: DataSet, targets: Targets, i: int) -> tuple[str, ...]:
    """The classes of an image, with their parts where it has two."""
    first = _name(data, targets.first[i])
    if targets.second is None:
        return (first,)
    parts = ((first, targets.weight), (_name(data, targets.second[i]), 1 - targets.weight))
    return tuple(f"{weight:.0%} {name}" for name, weight in parts)


def _paint(rows: list[list[Cell]], title: str, heads: tuple[str, ...]) -> Picture:
    """All cells on paper, with a title, and a heading over the first column and the others."""
    from PIL import Image, ImageDraw, ImageFont

    font, large = ImageFont.load_default(12), ImageFont.load_default(16)
    pictures = [[_picture(cell.pixels) for cell in row] for row in rows]
    width, height = pictures[0][0].size
    cell_width = max(width, _SHORTEST)
    lines = max(len(cell.lines) for row in rows for cell in row)
    step_x, step_y = cell_width + _GAP, height + lines * _LINE + _GAP + 2
    top = _MARGIN + 28 + _LINE + 6
    size = (2 * _MARGIN + len(rows[0]) * step_x - _GAP, top + len(rows) * step_y - _GAP + _MARGIN)
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((_MARGIN, _MARGIN), _fitted(pen, title, large, size[0] - 2 * _MARGIN), _INK, large)
    for column, head in enumerate(heads):
        left = _MARGIN + column * step_x
        room = cell_width if column + 1 < len(heads) else size[0] - _MARGIN - left
        pen.text((left, _MARGIN + 28), _fitted(pen, head, font, room), _PALE, font)
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            left, upper = _MARGIN + j * step_x, top + i * step_y
            sheet.paste(pictures[i][j], (left + (cell_width - width) // 2, upper))
            for k, line in enumerate(cell.lines):
                text = _fitted(pen, line, font, cell_width)
                pen.text((left, upper + height + 1 + k * _LINE), text, _INK if j == 0 else _PALE, font)
    return sheet


def _picture(pixels: Tensor) -> Picture:
    """One image for the sheet: larger by a whole number where it is small, so that each pixel is seen."""
    from PIL import Image

    shown = pixels[:3] if len(pixels) >= 3 else pixels[:1].expand(3, -1, -1)
    picture = Image.fromarray(shown.permute(1, 2, 0).contiguous().numpy())
    longer = max(picture.size)
    if longer > _LONGEST:
        picture.thumbnail((_LONGEST, _LONGEST))
        return picture
    times = -(-_SHORTEST // longer)
    return picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)


def _in_ascii(text: str) -> str:
    """What PIL's own font can write, for it has no other letters: without accents, and all else spelt out."""
    letters = (each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return "".join(letters).encode("ascii", "backslashreplace").decode("ascii")


def _fitted(pen: ImageDraw, text: str, font: FreeTypeFont | object, room: int) -> str:
    """A text, or as much of it as there is room for."""
    text = _in_ascii(text)
    if pen.textlength(text, font) <= room:  # type: ignore[arg-type]
        return text
    while text and pen.textlength(f"{text}...", font) > room:  # type: ignore[arg-type]
        text = text[:-1]
    return f"{text}..."


def _png(picture: Picture) -> bytes:
    from PIL.PngImagePlugin import PngInfo

    told = PngInfo()
    told.add_text("Software", SOFTWARE)
    file = BytesIO()
    picture.save(file, "PNG", pnginfo=told)
    return file.getvalue()
