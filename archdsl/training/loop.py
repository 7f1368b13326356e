"""The training itself, from top to bottom.

All images are in memory, on the device, as bytes. The order of an epoch and the learning rate of a step are pure
functions of the seed and the step, so a run depends on nothing that a checkpoint would not hold.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - as all of torch writes it.

from archdsl.runs.metrics import EpochMetrics
from archdsl.training.data.image_set import DataSet, Request
from archdsl.training.data.prepare import Prepare
from archdsl.training.errors import TRAINING_FAILED, TrainingError
from archdsl.training.evaluation import evaluate
from archdsl.training.recipe import Recipe
from archdsl.training.schedule import learning_rate
from archdsl.training.signals import StopRequest
from archdsl.training.world import World


class Observer(Protocol):
    """Is told how the training goes on."""

    def on_step(self, epoch: int, images_done: int, loss: float) -> None:
        """After each step: the epoch from 1, its images so far, the step's loss."""

    def on_epoch(self, metrics: EpochMetrics) -> None:
        """After each epoch and its evaluation."""


class Position(NamedTuple):
    """How far a training has come: whole epochs done, and steps done in all."""

    epoch: int
    step: int


def epoch_order(count: int, seed: int, epoch: int) -> Tensor:
    """In which order the images of an epoch, counted from 0, are seen: int64 (count,)."""
    mixed = (seed * 0x9E3779B1 + epoch) % 2**32  # A generator's seed has 32 bits; this spreads the seeds over them.
    return torch.randperm(count, generator=torch.Generator().manual_seed(mixed))


def train_loop(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: DataSet,
    prepare: Prepare,
    recipe: Recipe,
    heads: Callable[[nn.Module], list[tuple[float, Tensor]]],
    observer: Observer,
    save: Callable[[Position], None],
    stop: StopRequest,
) -> Position:
    """Train for the recipe's epochs, or until a stop is requested, and save at the end of each epoch and at the stop.

    heads: gives the weight and the output of each auxiliary head of the forward pass just made.
    Raises TrainingError (exit code 3) when a loss is not finite; what was saved last stays.
    """
    count, batch = len(data.train), recipe.batch_size
    steps_per_epoch = math.ceil(count / batch)
    step = 0
    for epoch in range(recipe.epochs):
        model.train()
        order = epoch_order(count, recipe.seed, epoch)
        loss_sum, right, lr, seen = 0.0, torch.zeros((), dtype=torch.int64, device=data.train.labels.device), 0.0, 0
        started = time.monotonic()
        for _, images, y in data.train.read(Request(chosen) for chosen in torch.split(order, batch)):
            x = prepare(images)  # (batch, C, H, W)
            logits = model(x)  # (batch, classes)
            loss = F.cross_entropy(logits, y)
            for weight, head_logits in heads(model):
                loss = loss + weight * F.cross_entropy(head_logits, y)
            loss_value = loss.item()
            if not math.isfinite(loss_value):
                raise _diverged(loss_value, epoch, step)

            lr = learning_rate(step, steps_per_epoch, recipe.epochs, recipe.optimizer.lr, recipe.schedule)
            for group in optimizer.param_groups:
                group["lr"] = lr * group.get("lr_scale", 1)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            step += 1

            seen += len(y)
            loss_sum += loss_value * len(y)
            right += (logits.argmax(1) == y).sum()
            observer.on_step(epoch + 1, seen, loss_value)
            if stop.signal is not None:
                save(Position(epoch, step))
                return Position(epoch, step)
        trained = time.monotonic()

        tested = evaluate(model, data.test, prepare, World(), stop, classes=len(data.classes))
        if tested is None:
            save(Position(epoch + 1, step))
            return Position(epoch + 1, step)
        if not math.isfinite(tested.loss):
            raise _diverged(tested.loss, epoch, step)
        save(Position(epoch + 1, step))
        observer.on_epoch(
            EpochMetrics(
                epoch=epoch + 1,
                step=step,
                lr=lr,
                train_loss=loss_sum / count,
                train_accuracy=right.item() / count,
                validation_loss=None,
                validation_accuracy=None,
                test_loss=tested.loss,
                test_accuracy=tested.accuracy,
                seconds=time.monotonic() - started,
                images_per_second=count / max(trained - started, 1e-9),
            )
        )
        if stop.signal is not None:
            return Position(epoch + 1, step)
    return Position(recipe.epochs, step)


def _diverged(loss: float, epoch: int, step: int) -> TrainingError:
    return TrainingError(
        f"the loss is {loss} in epoch {epoch + 1}, step {step + 1}; a lower --lr or a longer warm-up may help",
        TRAINING_FAILED,
    )
