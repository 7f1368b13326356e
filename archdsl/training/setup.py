"""A training before its first step: what is to be trained and how, its images, its first weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_ERRORS, EXIT_FAILED, EXIT_USAGE
from archdsl.network import Network
from archdsl.recipe.recipe import Recipe
from archdsl.runs.metrics import EpochMetrics
from archdsl.training.allocator import keep_memory
from archdsl.training.augment import Augment, check_augmentation, measure_colors
from archdsl.training.data.fit import Fit
from archdsl.training.data.image_set import DataSet
from archdsl.training.data.load import load_data
from archdsl.training.data.prepare import Prepare, measure, unchanged
from archdsl.training.ema import Average
from archdsl.training.evaluation import images_at_once
from archdsl.training.in_place import relu_in_place
from archdsl.training.initialize import initialize
from archdsl.training.loop import Progress, Setup, fewest_at_once
from archdsl.training.optimizers import make_optimizer
from archdsl.training.out_of_memory import is_out_of_memory
from archdsl.training.precision import autocast_for
from archdsl.training.report import Report
from archdsl.training.subject import Subject
from archdsl.training.world import World
from archdsl.weights import tensors
from archdsl.weights.errors import WeightsError
from archdsl.weights.files import Normalization, Origin
from archdsl.weights.match import Match
from archdsl.weights.state import state_of


class Job(NamedTuple):
    """What is to be trained, and how; see `archdsl.training.run.train`."""

    subject: Subject
    recipe: Recipe
    device: torch.device
    world: World
    origin: Origin
    start: tuple[tensors.Weights, Match] | None
    save_every: float
    report: Report
    tensorboard: bool
    on_epoch: Callable[[EpochMetrics], object] | None


def read_images(
    recipe: Recipe,
    subject: Subject,
    data_dir: Path,
    download: bool,
    device: torch.device,
    world: World,
    report: Report,
) -> DataSet:
    """The images of a recipe, on the device. The first process loads them first, for it may have to fetch them.

    Raises TrainingError where they can't be had, or do not go with the network.
    """
    loaded: list[DataSet] = []

    def load() -> None:
        loaded.append(load_data(recipe.data, subject.network, subject.spec, data_dir, download, report).to(device))

    try:
        world.from_first(load)
        if not loaded:
            load()
        return loaded[0]
    except (torch.OutOfMemoryError, RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        less = "take fewer with --limit-train, or a smaller --input"
        raise TrainingError(f"the images do not fit into the memory; {less}", EXIT_FAILED) from error


def refuse_unfit(recipe: Recipe, subject: Subject, data: DataSet, world: World) -> None:
    """Raise TrainingError where a network can't be trained by a recipe on these images."""
    if recipe.early_stop is not None and data.validation is None:
        raise TrainingError(
            "early_stop: it needs images to choose by, and the folder has no `val`; hold some back with "
            "--set-recipe data.validation=N",
            of_all=True,
        )
    check_augmentation(recipe.augmentation, data.train)
    fit = Fit(subject.network, subject.spec)
    fit.check_weights()
    fit.check_fewest(fewest_at_once(len(data.train), recipe, world), recipe.batch_size)


def read_fitting(
    weights: Path, network: Network, name: str, leave_out: Sequence[str] = ()
) -> tuple[tensors.Weights, Match]:
    """The weights of a file, and where in a network of this name they go.

    Raises TrainingError where they can't be read, or do not fit (exit code 1).
    """
    try:
        read = tensors.read_weights(weights)
        return read, tensors.fit(read, state_of(network), name, leave_out)
    except WeightsError as error:
        raise TrainingError(str(error), EXIT_ERRORS if error.does_not_fit else EXIT_USAGE) from None


def put_on_device(model: nn.Module, device: torch.device, channels_last: bool) -> None:
    """Lay out a network as it is computed fastest on a device, to the same numbers, and put it there."""
    relu_in_place(model)
    if device.type == "cpu":
        keep_memory()
    model.to(device)
    if channels_last:
        model.to(memory_format=torch.channels_last)


class Prepared(NamedTuple):
    """A training that has not begun.

    normalization: of the images to learn from. told: what is to be said of the precision.
    """

    progress: Progress
    setup: Setup
    normalization: Normalization
    told: list[str]


def prepare_training(
    network: Network,
    recipe: Recipe,
    data: DataSet,
    device: torch.device,
    world: World,
    start: tuple[tensors.Weights, Match] | None = None,
) -> Prepared:
    """Build a network with its first weights, which `start` gives or chance, and all that trains it by a recipe."""
    from archdsl.backends.pytorch import auxiliary_outputs, build

    torch.manual_seed(recipe.seed)
    model: nn.Sequential = build(network)
    initialize(model, recipe.initialization)
    if start is not None:
        tensors.put(*start, model)
    put_on_device(model, device, recipe.channels_last)
    average = None if recipe.ema is None else Average(model, recipe.ema)
    progress = Progress(model, make_optimizer(model, recipe.optimizer, device), average)
    sample = data.train.sample()
    normalization = measure(sample) if recipe.data.normalize else unchanged(data.train.channels)
    prepare = Prepare(network.input, normalization, device, channels_last=recipe.channels_last)
    augment = Augment(recipe.augmentation, prepare, measure_colors(sample) if recipe.augmentation.pca_noise else None)
    autocast, line = autocast_for(recipe.precision, device)
    forward: nn.Module = torch.compile(model) if recipe.compile else model  # type: ignore[assignment]
    setup = Setup(
        recipe,
        data,
        prepare,
        augment,
        world.parallel(forward),
        auxiliary_outputs,
        autocast,
        world,
        device,
        images_at_once(network, recipe.precision, device),
    )
    return Prepared(progress, setup, normalization, [line] if line else [])
