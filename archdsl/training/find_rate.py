"""`archdsl find-lr`: a learning-rate range test, by the steps that a training by the recipe would make."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from torch import Tensor

from archdsl.errors import TrainingError
from archdsl.recipe.recipe import Recipe
from archdsl.runs.range_test import RangeTest, is_over, rates_of
from archdsl.training.data.image_set import Request
from archdsl.training.data.load import data_folder
from archdsl.training.environment import choose_device
from archdsl.training.loop import Setup, compute_step, requests_of_epoch, take_step
from archdsl.training.report import Report, Silence
from archdsl.training.run import failures_told
from archdsl.training.setup import prepare_training, read_fitting, read_images, refuse_unfit
from archdsl.training.signals import StopRequest
from archdsl.training.start import is_one_of_many
from archdsl.training.subject import Subject
from archdsl.training.world import World


def find_rate(
    subject: Subject,
    recipe: Recipe,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    weights: Path | None = None,
    leave_out: Sequence[str] = (),
    device: str = "auto",
    data_dir: Path | None = None,
    download: bool = False,
    report: Report | None = None,
) -> RangeTest:
    """Train for some steps at rates that rise from low to high, and throw the network away.

    All but the rates and the average of the weights is the recipe's. The arguments that are not told of are those of
    `archdsl.training.run.train`. Raises TrainingError as that does.
    """
    if is_one_of_many():
        only = "a rate is found by one process; `torchrun -m archdsl train` trains with several"
        raise TrainingError(only, of_all=True)
    on, world = choose_device(device), World()
    recipe = recipe.model_copy(update={"ema": None})
    rates, losses = rates_of(low, high, steps), list[float]()
    with failures_told(subject.network, recipe, on, world):
        start = None if weights is None else read_fitting(weights, subject.network, subject.spec.name, leave_out)
        data = read_images(recipe, subject, data_folder(data_dir), download, on, world, report or Silence())
        refuse_unfit(recipe, subject, data, world)
    with failures_told(subject.network, recipe, on, world, data):
        progress, setup, _, _ = prepare_training(subject.network, recipe, data, on, world, start)
        progress.model.train()
        with closing(_batches(setup)) as batches:
            for rate, (batch, images) in zip(rates, batches, strict=False):
                found = compute_step(batch, images, progress, setup, StopRequest())
                if not found.is_finite:
                    break
                losses.append(found.loss_sum / batch)
                if is_over(losses, steps):
                    break
                take_step(rate, found.norm, progress, setup)
    return RangeTest(rates[: len(losses)], tuple(losses), steps)


def _batches(setup: Setup) -> Generator[tuple[int, Iterator[tuple[Request, Tensor, Tensor]]]]:
    """The images of step after step, epoch after epoch: how many, and where they come from."""
    count, size = len(setup.data.train), setup.recipe.batch_size
    steps, epoch = math.ceil(count / size), 0
    while True:
        with closing(setup.data.train.read(requests_of_epoch(epoch, epoch * steps, setup))) as images:
            for start in range(0, count, size):
                yield min(size, count - start), images
        epoch += 1
