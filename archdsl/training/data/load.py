"""From a recipe's words to images, for one network."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path

from archdsl.diagnostics.render import printable
from archdsl.errors import TrainingError
from archdsl.network import Network
from archdsl.recipe.recipe import Data, Recipe
from archdsl.runs.folder import RunFolder
from archdsl.shapes import Image
from archdsl.source import Source
from archdsl.training.data.digits import CLASSES, SIDE, read_digits
from archdsl.training.data.figures import FIGURES, SMALLEST_SIDE, draw_figures
from archdsl.training.data.fit import Fit
from archdsl.training.data.folder import list_folder, open_folder
from archdsl.training.data.image_set import DataSet, ImageSet, hold_back, limit
from archdsl.training.data.known import KNOWN_SETS, read_known_set
from archdsl.training.data.streamed import StreamedSet
from archdsl.training.report import Report, Silence

SHAPES_TRAIN = 5000
SHAPES_TRAIN_SMALL = 10_000
SMALL_BELOW = 64
SHAPES_TEST = 1000


def data_folder(data_dir: Path | None, run: RunFolder | None = None) -> Path:
    """Where published data sets lie: as given, else $ARCHDSL_DATA, else where a run found them, else ./data."""
    named = data_dir or os.environ.get("ARCHDSL_DATA")
    if not named and run is not None:
        with suppress(TrainingError):  # What else is lost with this file is told, but nothing of it is needed.
            named = str(run.environment().get("data_dir") or "")
    return Path(named or "data").expanduser()


def with_whole_path(recipe: Recipe) -> Recipe:
    """The same recipe with a folder of images named by its whole path, so that a run goes on from anywhere."""
    kind, _, path = recipe.data.name.partition(":")
    if kind != "folder":
        return recipe
    whole = f"folder:{Path(path).expanduser().absolute()}"
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"name": whole})})


def load_data(
    data: Data, network: Network, spec: Source, data_dir: Path, download: bool = False, report: Report | None = None
) -> DataSet:
    """The images that a recipe asks for. Raises TrainingError where they can't be had, or do not fit the network.

    report: is told how the reading of many files goes on.
    """
    return load_fitting(data, Fit(network, spec), data_dir, download, report)


def load_fitting(data: Data, fit: Fit, data_dir: Path, download: bool = False, report: Report | None = None) -> DataSet:
    """The same for a network that `fit` tells of, or for none."""
    try:
        return _load(data, fit, data_dir, download, Silence() if report is None else report)
    except OSError as error:
        raise TrainingError(printable(f"{error.filename or data.name}: {error.strerror or error}")) from None


def _load(data: Data, fit: Fit, data_dir: Path, download: bool, report: Report) -> DataSet:
    whole = _read(data, fit, data_dir, download)
    train, validation = limit(whole.train, data.train, data.seed), whole.validation
    if validation is None:
        train, validation = hold_back(train, data.validation, data.seed)
    else:
        validation = limit(validation, data.validation or None, data.seed)
    used = whole._replace(train=train, test=limit(whole.test, data.test, data.seed), validation=validation)
    return open_folder(used, fit, data.in_memory, report) if isinstance(train, StreamedSet) else used


def _read(data: Data, fit: Fit, data_dir: Path, download: bool) -> DataSet:
    if data.name == "shapes":
        return _draw(data, fit)
    if data.name in KNOWN_SETS:
        known = KNOWN_SETS[data.name]
        fit.check_images(data.name, known.channels, known.height, known.width)
        fit.check_classes(data.name, len(known.classes))
        return read_known_set(data.name, data_dir, download, data.verify)
    if data.name == "digits":
        fit.check_images("digits", 1, SIDE, SIDE)
        fit.check_classes("digits", len(CLASSES))
        return read_digits()
    return list_folder(Path(data.name.removeprefix("folder:")).expanduser(), fit, data.seed)


def _draw(data: Data, fit: Fit) -> DataSet:
    shape = fit.network.input
    fit.check_classes("shapes", len(FIGURES))
    if isinstance(shape, Image):
        channels, height, width = (int(size or 0) for size in shape)
    else:
        channels, height, width = 1, *(math.isqrt(int(shape.features or 0)),) * 2
        if height * width != shape.features:
            fit.refuse_input(
                f"{shape} features are not the pixels of a square that figures could be drawn in", "1x28x28"
            )
    if min(height, width) < SMALLEST_SIDE:
        fit.refuse_input(
            f"figures can't be told apart in {height}x{width} pixels; they need {SMALLEST_SIDE}x{SMALLEST_SIDE}",
            f"{channels}x{max(height, SMALLEST_SIDE)}x{max(width, SMALLEST_SIDE)}",
        )
    train_count = SHAPES_TRAIN_SMALL if min(height, width) < SMALL_BELOW else SHAPES_TRAIN
    parts = {
        part: ImageSet(*draw_figures(count, channels, height, width, seed=data.seed, part=part))
        for part, count in (("train", data.train or train_count), ("test", data.test or SHAPES_TEST))
    }
    return DataSet("shapes", tuple(FIGURES), parts["train"], parts["test"])
