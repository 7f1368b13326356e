"""The training itself, from top to bottom.

What is drawn, the order of an epoch and the learning rate of a step are pure functions of the seed and the step. So a
training that stands at a step depends on nothing but its `Progress`, and one that goes on from there, tomorrow or on
another machine of the same kind, comes to the same weights, bit for bit.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_FAILED
from archdsl.recipe.recipe import Recipe
from archdsl.runs.evaluation import Evaluation
from archdsl.runs.metrics import EpochMetrics
from archdsl.training.augment import Augment
from archdsl.training.data.image_set import DataSet, Images, Request
from archdsl.training.data.prepare import Prepare
from archdsl.training.ema import Average
from archdsl.training.evaluation import evaluate
from archdsl.training.not_finite import Failure, NotFiniteError, find
from archdsl.training.randomness import generator_of, seed_step
from archdsl.training.report import Watch
from archdsl.training.schedule import learning_rate
from archdsl.training.signals import StopRequest
from archdsl.training.world import World


class Progress:
    """All that changes as a training goes on.

    epochs: what each epoch came to that is done, its evaluation too. step: steps done since the start.
    loss_sum, right: of the epoch under way, the loss times the images, and how many were classified rightly.
    seconds: what was spent on the steps of the epoch under way.
    """

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, average: Average | None = None) -> None:
        self.model = model
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer = optimizer
        self.average = average
        self.epochs: list[EpochMetrics] = []
        self.step = 0
        self.loss_sum = 0.0
        self.right = 0
        self.seconds = 0.0

    def state(self) -> dict[str, Any]:
        """All of it, as a checkpoint keeps it."""
        return {
            "epochs": [each._asdict() for each in self.epochs],
            "step": self.step,
            "loss_sum": self.loss_sum,
            "right": self.right,
            "seconds": self.seconds,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
        }

    def put(self, state: Mapping[str, Any]) -> None:
        """Stand where the training stood that gave this `state`."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.epochs = [EpochMetrics(**each) for each in state["epochs"]]
        self.step, self.right = state["step"], state["right"]
        self.loss_sum, self.seconds = state["loss_sum"], state["seconds"]

    def evaluated_model(self) -> AbstractContextManager[object]:
        """While it is open, the model has the weights that are evaluated and kept: the average, if there is one."""
        return nullcontext() if self.average is None else self.average.applied(self.model)


class Setup(NamedTuple):
    """What does not change as a training goes on.

    forward: the model as it is called in training: compiled, in parallel with those of other processes.
    heads: gives the weight and the output of each auxiliary head of the forward pass just made.
    autocast: makes the context in which the network is computed.
    evaluated_at_once: of how many images it is computed at once in evaluation.
    """

    recipe: Recipe
    data: DataSet
    prepare: Prepare
    augment: Augment
    forward: nn.Module
    heads: Callable[[nn.Module], list[tuple[float, Tensor]]]
    autocast: Callable[[], AbstractContextManager[object]]
    world: World
    device: torch.device
    evaluated_at_once: int

    def evaluated(self, model: nn.Module, images: Images, stop: StopRequest, report: Watch) -> Evaluation | None:
        """The model held against images; None where a stop was requested meanwhile, of this process or another."""
        # Each process has running statistics of its own images since the last forward pass; the first's are kept.
        self.world.share(model.buffers())
        found = evaluate(
            model,
            images,
            self.prepare,
            self.world,
            stop,
            report,
            classes=len(self.data.classes),
            batch_size=self.evaluated_at_once,
            autocast=self.autocast,
        )
        if found is None:
            stop.signal = stop.signal or signal.SIGTERM
        return found

    def is_stopped(self, stop: StopRequest) -> bool:
        """Whether a stop was requested, of this process or another.

        Between steps no process may go by its own `stop` alone: it would leave while the others wait for it.
        """
        requested = self.world.sum(torch.tensor(float(stop.signal is not None), device=self.device))
        if requested.item() == 0:
            return False
        stop.signal = stop.signal or signal.SIGTERM
        return True


class Observer(Protocol):
    """Is told how the training goes on, and keeps what is to be kept."""

    @property
    def report(self) -> Watch:
        """Is told how far an evaluation is."""

    def on_step(self, epoch: int, images_done: int, loss: float) -> None:
        """After each step: the epoch from 1, its images so far, the step's loss."""

    def save_is_due(self) -> bool:
        """Whether the progress should be kept after this step, so that not too much is lost if the machine stops."""

    def save(self) -> None:
        """Keep all of the progress."""

    def keep_weights(self) -> None:
        """Keep the weights that the model has now: the best so far."""

    def on_epoch(self, metrics: EpochMetrics) -> None:
        """After each epoch, when its evaluation is done, and the progress kept."""


def train_loop(progress: Progress, setup: Setup, observer: Observer, stop: StopRequest) -> None:
    """Train until the recipe's end, or until a stop is requested, which `stop` then tells.

    Raises TrainingError (exit code 3) when a loss or a gradient is not finite, before the weights take it.
    """
    while not is_done(progress.epochs, setup.recipe):
        _train_epoch(progress, setup, observer, stop)
        if not setup.is_stopped(stop):
            _evaluate_epoch(progress, setup, observer, stop)
        if setup.is_stopped(stop):
            observer.save()
            return


def is_done(epochs: Sequence[EpochMetrics], recipe: Recipe) -> bool:
    """Whether the recipe's epochs are done, or so many evaluations brought nothing better that it ends early."""
    if len(epochs) >= recipe.epochs:
        return True
    if recipe.early_stop is None:
        return False
    accuracies = [each.validation_accuracy for each in epochs if each.validation_accuracy is not None]
    return bool(accuracies) and len(accuracies) - 1 - accuracies.index(max(accuracies)) >= recipe.early_stop


def epoch_order(count: int, seed: int, epoch: int) -> Tensor:
    """In which order the images of an epoch, counted from 0, are seen: int64 (count,)."""
    return torch.randperm(count, generator=generator_of(seed, "order", epoch))


class Part(NamedTuple):
    """A part of a step, whose gradient is computed at once.

    start, stop: which of the step's images it has. rows: which of these are this process's. Where it has none, it
    computes the first all the same, for all processes take part in a sum, and counts it 0 times.
    """

    start: int
    stop: int
    rows: slice
    weight: int


def parts_of_step(batch: int, accumulation: int, world: World) -> list[Part]:
    """The parts that a step of so many images is cut into, as even as can be."""
    bounds = [round(i * batch / accumulation) for i in range(accumulation + 1)]
    return [
        Part(start, stop, world.rows, 1) if world.rank < stop - start else Part(start, stop, slice(0, 1), 0)
        for start, stop in pairwise(bounds)
        if start < stop
    ]


def fewest_at_once(count: int, recipe: Recipe, world: World) -> int:
    """Of how few images the network is computed at once in some step of an epoch."""
    batches = {min(recipe.batch_size, count), count % recipe.batch_size or recipe.batch_size}
    return min(
        len(range(*part.rows.indices(part.stop - part.start)))
        for batch in batches
        for part in parts_of_step(min(batch, count), recipe.accumulation, world)
    )


def _train_epoch(progress: Progress, setup: Setup, observer: Observer, stop: StopRequest) -> None:
    """Do the steps of the epoch under way that are left, or those until a stop is requested."""
    recipe = setup.recipe
    count, epoch = len(setup.data.train), len(progress.epochs)
    steps = math.ceil(count / recipe.batch_size)
    started = time.monotonic() - progress.seconds
    progress.model.train()
    with closing(setup.data.train.read(requests_of_epoch(epoch, progress.step, setup))) as images:
        while progress.step < (epoch + 1) * steps:
            images_done = min((progress.step + 1 - epoch * steps) * recipe.batch_size, count)
            batch = images_done - (progress.step - epoch * steps) * recipe.batch_size
            found = compute_step(batch, images, progress, setup, stop)
            if not found.is_finite:
                raise NotFiniteError(_failure(progress, setup, found.loss_sum / batch, found.norm.item()))
            rate = learning_rate(progress.step, steps, recipe.epochs, recipe.optimizer.lr, recipe.schedule)
            take_step(rate, found.norm, progress, setup)

            progress.loss_sum += found.loss_sum
            progress.right += found.right
            progress.seconds = time.monotonic() - started
            observer.on_step(epoch + 1, images_done, found.loss_sum / batch)
            if found.stop_asked:
                stop.signal = stop.signal or signal.SIGTERM
                return
            if observer.save_is_due():
                observer.save()


class Computed(NamedTuple):
    """A step before the weights take it, of all processes together.

    loss_sum: the loss times the images. right: how many of them were classified rightly. norm: of the gradient.
    stop_asked: whether one of the processes was asked to stop.
    """

    loss_sum: float
    right: int
    norm: Tensor
    is_finite: bool
    stop_asked: bool


def compute_step(
    batch: int,
    images: Iterator[tuple[Request, Tensor, Tensor]],
    progress: Progress,
    setup: Setup,
    stop: StopRequest,
) -> Computed:
    """Put the gradient of a step of so many images in place."""
    seed_step(setup.recipe.seed, progress.step, setup.world.rank, setup.device)
    progress.optimizer.zero_grad(set_to_none=True)
    parts = parts_of_step(batch, setup.recipe.accumulation, setup.world)
    loss, right = _compute_gradient(parts, images, progress, setup)

    norm = get_total_norm([each.grad for each in progress.parameters if each.grad is not None])
    asked = float(stop.signal is not None)
    loss_sum, right_sum, asked, norm_value = _of_all_processes(loss, right, asked, norm, setup.world)
    is_finite = math.isfinite(loss_sum) and math.isfinite(norm_value)
    return Computed(loss_sum, round(right_sum), norm, is_finite, asked > 0)


def take_step(rate: float, norm: Tensor, progress: Progress, setup: Setup) -> None:
    """Let the weights take the gradient that is in place, whose norm is given, at a learning rate."""
    if setup.recipe.clip_gradient is not None:
        clip_grads_with_norm_(progress.parameters, setup.recipe.clip_gradient, norm)
    for group in progress.optimizer.param_groups:
        group["lr"] = rate * group.get("lr_scale", 1.0)
    progress.optimizer.step()
    if progress.average is not None:
        progress.average.update(progress.model, progress.step)
    progress.step += 1


def _compute_gradient(
    parts: Sequence[Part], images: Iterator[tuple[Request, Tensor, Tensor]], progress: Progress, setup: Setup
) -> tuple[Tensor, Tensor]:
    """Put the gradient of a step in place, part by part.

    Returns the sum of the loss, and how many were classified rightly, of this process's images.
    """
    batch = parts[-1].stop
    exact = torch.float64 if setup.device.type in ("cpu", "cuda") else torch.float32  # Apple's GPUs have no more.
    loss_sum = torch.zeros((), dtype=exact, device=setup.device)
    right = torch.zeros((), dtype=torch.int64, device=setup.device)
    for part in parts:
        request, pixels, labels = next(images)
        assert request.draws is not None
        x, targets = setup.augment(pixels, labels, request.draws, setup.data.train.crops_on_read)  # (n, C, H, W)
        with setup.world.no_sum(setup.forward) if part is not parts[-1] else nullcontext():
            with setup.autocast():
                logits = setup.forward(x)  # (n, classes)
                loss = targets.loss(logits, setup.recipe.label_smoothing, "sum")
                for weight, head_logits in setup.heads(progress.model):
                    loss = loss + weight * targets.loss(head_logits, setup.recipe.label_smoothing, "sum")
            # The mean over the step's images, for what the processes' gradients come to is their mean.
            (loss * (part.weight * setup.world.size / batch)).backward()  # type: ignore[no-untyped-call]
        if part.weight:
            loss_sum += loss.detach()
            right += (logits.detach().argmax(1) == targets.main).sum()
    return loss_sum, right


def _failure(progress: Progress, setup: Setup, loss: float, norm: float) -> Failure:
    """Compute a step that came to nothing finite once more, and tell where that began."""
    recipe, epoch, count = setup.recipe, len(progress.epochs), len(setup.data.train)
    start = (progress.step - epoch * math.ceil(count / recipe.batch_size)) * recipe.batch_size
    batch = epoch_order(count, recipe.seed, epoch)[start : start + recipe.batch_size].tolist()
    parts = parts_of_step(len(batch), recipe.accumulation, setup.world)

    def again() -> Tensor:
        seed_step(recipe.seed, progress.step, setup.world.rank, setup.device)
        progress.optimizer.zero_grad(set_to_none=True)
        with closing(setup.data.train.read(requests_of_epoch(epoch, progress.step, setup))) as images:
            return _compute_gradient(parts, images, progress, setup._replace(forward=progress.model))[0]

    return Failure(find(progress.model, again), epoch + 1, progress.step + 1, loss, norm, batch)


def requests_of_epoch(epoch: int, first_step: int, setup: Setup) -> Iterator[Request]:
    """What this process needs for each part of each step of an epoch, from a step on, and what is drawn for it."""
    recipe, augment, count = setup.recipe, setup.augment, len(setup.data.train)
    steps = math.ceil(count / recipe.batch_size)
    order = epoch_order(count, recipe.seed, epoch)
    for step in range(first_step, (epoch + 1) * steps):
        start = (step - epoch * steps) * recipe.batch_size
        batch = order[start : start + recipe.batch_size]
        draws = augment.draw(len(batch), recipe.seed, step)
        for part in parts_of_step(len(batch), recipe.accumulation, setup.world):
            own = draws[part.start : part.stop][part.rows]
            yield Request(batch[own.positions], own)


def _of_all_processes(loss: Tensor, right: Tensor, asked: float, norm: Tensor, world: World) -> list[float]:
    """The numbers of a step summed over the processes, but for the gradient's norm, which is that of all already."""
    mine = torch.stack([loss, right.to(loss.dtype), torch.full_like(loss, asked)])
    # One transfer for all, for reading from a GPU waits until it has done all that it was told.
    return [*torch.cat([world.sum(mine), norm.detach().to(loss.dtype).view(1)]).tolist()]


def _evaluate_epoch(progress: Progress, setup: Setup, observer: Observer, stop: StopRequest) -> None:
    """Evaluate an epoch whose steps are done, unless a stop is requested meanwhile, and close it."""
    recipe, data, epoch = setup.recipe, setup.data, len(progress.epochs)
    count = len(data.train)
    started = time.monotonic()
    metrics = EpochMetrics(
        epoch=epoch + 1,
        step=progress.step,
        lr=learning_rate(
            progress.step - 1,
            math.ceil(count / recipe.batch_size),
            recipe.epochs,
            recipe.optimizer.lr,
            recipe.schedule,
        ),
        train_loss=progress.loss_sum / count,
        train_accuracy=progress.right / count,
        validation_loss=None,
        validation_accuracy=None,
        test_loss=None,
        test_accuracy=None,
        seconds=0.0,
        images_per_second=count / max(progress.seconds, 1e-9),
    )
    if (epoch + 1) % recipe.evaluate_every == 0 or epoch + 1 == recipe.epochs:
        held_back = data.validation
        images = data.test if held_back is None else held_back
        with progress.evaluated_model():
            found = setup.evaluated(progress.model, images, stop, observer.report)
            if found is None:
                return
            if not math.isfinite(found.loss):
                part = "test" if held_back is None else "validation"
                raise TrainingError(
                    f"the loss on the {part} images is {found.loss:g} after epoch {epoch + 1}; what may help: "
                    f"a lower optimizer.lr than {recipe.optimizer.lr:g}, a longer schedule.warmup",
                    EXIT_FAILED,
                )
            if held_back is None:
                metrics = metrics._replace(test_loss=found.loss, test_accuracy=found.accuracy)
            else:
                metrics = metrics._replace(validation_loss=found.loss, validation_accuracy=found.accuracy)
            # Before the progress that says that they are kept; a run that stops between the two comes by here again.
            if held_back is None or found.accuracy > _best_accuracy(progress.epochs):
                observer.keep_weights()
    progress.epochs.append(metrics._replace(seconds=progress.seconds + time.monotonic() - started))
    progress.loss_sum, progress.right, progress.seconds = 0.0, 0, 0.0
    observer.save()
    observer.on_epoch(progress.epochs[-1])


def best_epoch(epochs: Sequence[EpochMetrics]) -> int:
    """The epoch, from 1, whose weights are kept: the first that was best on the validation images, or the last."""
    if _best_accuracy(epochs) < 0:
        return len(epochs)
    return next(each.epoch for each in epochs if each.validation_accuracy == _best_accuracy(epochs))


def _best_accuracy(epochs: Sequence[EpochMetrics]) -> float:
    """The best on the validation images; less than nothing where there was none."""
    return max((each.validation_accuracy for each in epochs if each.validation_accuracy is not None), default=-1.0)
