"""What is learned from, told and drawn: the counts of each class, the pixels, and a sheet of images."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO

import torch
from torch import Tensor

from archdsl.backends.table import columns, padded
from archdsl.diagnostics.render import printable
from archdsl.errors import TrainingError
from archdsl.network import Network
from archdsl.recipe.recipe import Recipe
from archdsl.shapes import Image, Shape
from archdsl.source import Source
from archdsl.training.augment import Augment, check_augmentation, measure_colors
from archdsl.training.data.fit import Fit, NoNetwork
from archdsl.training.data.image_set import DataSet
from archdsl.training.data.load import data_folder, load_fitting
from archdsl.training.data.prepare import Prepare, measure, unchanged
from archdsl.training.report import choose_report, write_line
from archdsl.training.sheet import SOFTWARE, draw_sheet
from archdsl.weights.files import Normalization
from archdsl.writer import write_bytes

SHEET = Path("data.png")
SHAPES_SIZE, FOLDER_SIZE = Image(3, 64, 64), Image(3, 224, 224)
"""At which sizes figures are drawn, and pictures are read, where no network says it."""

_MOST_CLASSES = 30
"""Of more classes than these the first are told."""


def show_data(
    recipe: Recipe,
    network: tuple[Network, Source] | None,
    *,
    size: Shape | None = None,
    data_dir: Path | None = None,
    download: bool = False,
    output: Path | None = None,
    stream: TextIO | None = None,
) -> None:
    """Print what a recipe's data set holds, and write the sheet of its images.

    Args:
        network: the network that is to see the images, and its spec; None for none.
        size: the input that there is in place of a network's; None takes images as they are.
        output: the sheet's file; None is data.png, which only takes the place of another sheet.

    Raises:
        TrainingError: where the data can't be had, does not go with the network or the augmentation, or the sheet
            can't be written.
    """
    stream = sys.stdout if stream is None else stream
    path = SHEET if output is None else output
    if output is None and path.exists() and not _is_sheet(path):
        raise TrainingError(f"{path} is there, and no sheet of archdsl's; say with -o where the sheet is to go")
    if network is not None:
        fit, size = Fit(*network), network[0].input
    else:
        usual = SHAPES_SIZE if recipe.data.name == "shapes" else FOLDER_SIZE
        fit = NoNetwork(size if isinstance(size, Image) else usual)
    data = load_fitting(recipe.data, fit, data_folder(data_dir), download, choose_report(sys.stderr))
    check_augmentation(recipe.augmentation, data.train)
    sample = data.train.sample()
    measured = measure(sample)
    shape = Image(*sample.shape[1:]) if size is None else size
    normalization = measured if recipe.data.normalize else unchanged(data.train.channels)
    prepare = Prepare(shape, normalization, torch.device("cpu"))
    colors = measure_colors(sample) if recipe.augmentation.pca_noise else None
    sheet = draw_sheet(data, Augment(recipe.augmentation, prepare, colors), recipe.seed)
    for line in [*_told(data, sample, measured, shape), "", *_table(data)]:
        write_line(stream, line)
    try:
        write_bytes(path, sheet)
    except OSError as error:
        raise TrainingError(f"{printable(str(path))} could not be written: {error.strerror or error}") from None
    write_line(stream, "")
    write_line(stream, f"a sheet of images is in {printable(str(path))}")


def _is_sheet(path: Path) -> bool:
    from PIL import Image as Pictures

    try:
        with Pictures.open(path) as picture:
            return picture.info.get("Software") == SOFTWARE
    except (OSError, Pictures.DecompressionBombError):
        return False


def _told(data: DataSet, sample: Tensor, measured: Normalization, shape: Shape) -> list[str]:
    held_back = "" if data.validation is None else f", {len(data.validation):,} held back"
    size = "x".join(map(str, sample.shape[1:]))
    seen = "" if str(shape) == size else f", seen as {shape}"
    mean, std = (", ".join(f"{value:.4f}" for value in part) for part in measured)
    return [
        f"{data.name}: {len(data.train):,} images to learn from{held_back}, {len(data.test):,} to test on, "
        f"{len(data.classes)} classes",
        f"images of {size}{seen}",
        f"pixels from 0 to 1 have the mean {mean}, and the deviation {std}",
    ]


def _table(data: DataSet) -> list[str]:
    """How many images each class has in each part."""
    parts = {"to learn from": data.train, "held back": data.validation, "to test on": data.test}
    counts = {
        head: part.labels.cpu().bincount(minlength=len(data.classes)).tolist()
        for head, part in parts.items()
        if part is not None
    }
    names = [printable(name) for name in data.classes]
    shown = len(names) if len(names) <= _MOST_CLASSES else _MOST_CLASSES - 1
    width = max(columns(name) for name in ["class", *names[:shown]])
    lines = [f"{'class':{width}}" + "".join(f"  {head:>13}" for head in counts)]
    for i, name in enumerate(names[:shown]):
        lines.append(padded(name, width) + "".join(f"  {count[i]:>13,}" for count in counts.values()))
    if len(names) > shown:
        left = [count[shown:] for count in counts.values()]
        ranges = "".join(f"  {f'{min(each):,} to {max(each):,}':>13}" for each in left)
        lines.append(f"{f'{len(names) - shown} more':{width}}{ranges}")
    return lines
