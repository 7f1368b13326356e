from __future__ import annotations

import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from archdsl.diagnostics.render import printable
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_ERRORS, EXIT_FAILED, EXIT_USAGE
from archdsl.network import Network
from archdsl.recipe.recipe import Recipe
from archdsl.runs.folder import ENVIRONMENT, METRICS_CSV, RECIPE, RESULT, TENSORBOARD, WEIGHTS, RunFolder
from archdsl.runs.metrics import EpochMetrics
from archdsl.source import Source
from archdsl.training.augment import Augment, check_augmentation, measure_colors
from archdsl.training.checkpoint import load_newest, save_checkpoint
from archdsl.training.data.fit import Fit
from archdsl.training.data.image_set import DataSet
from archdsl.training.data.load import load_data
from archdsl.training.data.prepare import Prepare, measure, unchanged
from archdsl.training.ema import Average
from archdsl.training.initialize import initialize
from archdsl.training.loggers import CsvLog, Logger, TensorBoard, require_tensorboard
from archdsl.training.loop import Progress, Setup, best_epoch, fewest_at_once, is_done, train_loop
from archdsl.training.not_finite import not_finite_told, require_finite
from archdsl.training.optimizers import make_optimizer
from archdsl.training.out_of_memory import advice, is_out_of_memory
from archdsl.training.precision import autocast_for
from archdsl.training.report import Plan, Report, Silence
from archdsl.training.resume import Facts, network_facts, not_exact_because, refuse_other_facts, refuse_other_network
from archdsl.training.signals import StopRequest, stop_on_signals
from archdsl.training.world import Processes, World, is_one_of_many
from archdsl.weights import tensors
from archdsl.weights.errors import WeightsError
from archdsl.weights.explain import summary
from archdsl.weights.files import Normalization, Origin, origin_of
from archdsl.weights.match import Match
from archdsl.weights.state import state_of

SAVE_EVERY = 300.0
"""Seconds after which the progress is kept in the middle of an epoch: at most so much is lost when a machine stops."""


class RunResult(NamedTuple):
    """What a run gave.

    folder: where it is kept. epochs: the metrics of each epoch done. step: the steps done.
    test_loss, test_accuracy: of the weights that were kept, over the whole test set; None where the run was stopped.
    best_epoch: the epoch whose weights were kept, from 1. signal: the signal that stopped the run, or None.
    resumed_at: the step at which the run was taken up again, or None.
    """

    folder: Path
    epochs: tuple[EpochMetrics, ...]
    step: int
    test_loss: float | None
    test_accuracy: float | None
    best_epoch: int | None
    signal: int | None
    resumed_at: int | None
    seconds: float


class Job(NamedTuple):
    """What is to be trained, and how; see `train`."""

    network: Network
    spec: Source
    recipe: Recipe
    device: torch.device
    world: World
    origin: Origin
    start: tuple[tensors.Weights, Match] | None
    save_every: float
    report: Report
    tensorboard: bool
    on_epoch: Callable[[EpochMetrics], None] | None


def train(
    network: Network,
    spec: Source,
    recipe: Recipe,
    *,
    device: str = "auto",
    data_dir: Path | None = None,
    download: bool = False,
    out: Path | None = None,
    resume: bool = False,
    imports: Sequence[Source] = (),
    settings: Mapping[str, Any] | None = None,
    weights: Path | None = None,
    leave_out: Sequence[str] = (),
    save_every: float = SAVE_EVERY,
    report: Report | None = None,
    tensorboard: bool = False,
    on_epoch: Callable[[EpochMetrics], None] | None = None,
    images: DataSet | None = None,
) -> RunResult:
    """Train a network and keep the run in a folder, or go on with one that was stopped.

    Args:
        spec: the text of the network, which the run keeps.
        device: "auto" is the first there is of cuda, mps and cpu.
        data_dir: where published data sets lie; $ARCHDSL_DATA by default, else ./data.
        download: whether a published data set that is not there is fetched.
        out: the run's folder, new or empty; the next of runs/lenet-1, runs/lenet-2, ... by default.
        resume: whether `out` is a run that goes on from its newest checkpoint, to what it would have come to if it
            had never been stopped. Network, recipe and data must be those that it was started with.
        imports: the files that the spec imports, directly or through others; the run keeps them too.
        settings: what else made the network of the spec, as `--set` and `--input` do; kept beside it.
        weights: a file of weights to start from, and leave_out: modules that are initialized all the same.
        save_every: the progress is kept after so many seconds, beside the end of each epoch.
        report: is told how the run goes on. tensorboard: whether TensorBoard's files are written too.
        on_epoch: is called with the metrics of each epoch.
        images: the recipe's, on the device, where they have been read before.

    Raises:
        TrainingError: for a mistake of the user's, or a training that can't go on.
    """
    report = Silence() if report is None else report
    started = time.monotonic()
    if tensorboard:
        require_tensorboard()
    on = choose_device(device)
    if on.type == "cuda":
        torch.cuda.set_device(on)
    world = Processes(on) if is_one_of_many() else World()
    report = report if world.is_first else Silence()
    data: DataSet | None = None
    try:
        start = None if weights is None or resume else _read_start(weights, network, spec, leave_out)
        data = images or read_images(recipe, network, spec, data_folder(data_dir), download, on, world)
        refuse_unfit(recipe, network, spec, data, world)
        lets = {name: value for name, value in (settings or {}).items() if name != "input"}
        origin = origin_of(spec, imports, network.input, lets, data.classes)
        job = Job(network, spec, recipe, on, world, origin, start, save_every, report, tensorboard, on_epoch)
        with _folder_of(out, resume, job) as folder:
            return _train_in(folder, resume, job, data, started)
    except OSError as error:
        place = printable(str(error.filename or "the run's folder"))
        raise TrainingError(f"{place} could not be written: {error.strerror or error}", EXIT_FAILED) from error
    except (torch.OutOfMemoryError, RuntimeError, MemoryError) as error:
        if world.is_lost(error):
            why = str(error).partition("\n")[0]
            raise TrainingError(f"another process of the training was lost: {why}", EXIT_FAILED) from error
        if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            why = printable(str(error).strip().partition("\n")[0])
            raise TrainingError(f"torch.compile failed, leave out `compile`: {why}", EXIT_FAILED) from error
        if not is_out_of_memory(error):
            raise
        raise TrainingError(advice(network, recipe, on, world.size, data), EXIT_FAILED) from error
    finally:
        report.close()
        world.close()


@contextmanager
def _folder_of(out: Path | None, resume: bool, job: Job) -> Iterator[RunFolder]:
    """The run's folder, which no other program writes to while it is open."""
    with ExitStack() as stack:

        def opened() -> str:
            folder = RunFolder.open(out) if resume and out is not None else RunFolder.create(out, job.spec.name)
            stack.enter_context(folder.lock())
            if not resume:
                folder.refuse_if_used()
            return str(folder.path)

        folder = RunFolder(Path(job.world.from_first(opened)))
        if job.world.is_first:
            stack.enter_context(folder.noting_failure())
        yield folder


def read_images(
    recipe: Recipe,
    network: Network,
    spec: Source,
    data_dir: Path,
    download: bool,
    device: torch.device,
    world: World,
) -> DataSet:
    """The images of a recipe, on the device. The first process loads them first, for it may have to fetch them.

    Raises TrainingError where they can't be had, or do not go with the network.
    """
    loaded: list[DataSet] = []

    def load() -> None:
        loaded.append(load_data(recipe.data, network, spec, data_dir, download).to(device))

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


def refuse_unfit(recipe: Recipe, network: Network, spec: Source, data: DataSet, world: World) -> None:
    """Raise TrainingError where a network can't be trained by a recipe on these images."""
    if recipe.early_stop is not None and data.validation is None:
        raise TrainingError(
            "early_stop: it needs images to choose by, and the folder has no `val`; hold some back with "
            "--set-recipe data.validation=N",
            of_all=True,
        )
    check_augmentation(recipe.augmentation, data.train)
    Fit(network, spec).check_fewest(fewest_at_once(len(data.train), recipe, world), recipe.batch_size)


def _read_start(
    weights: Path, network: Network, spec: Source, leave_out: Sequence[str]
) -> tuple[tensors.Weights, Match]:
    """The weights that a training starts from. Raises TrainingError where they can't be read, or do not fit."""
    try:
        read = tensors.read_weights(weights)
        return read, tensors.fit(read, state_of(network), spec.name, leave_out)
    except WeightsError as error:
        raise TrainingError(str(error), EXIT_ERRORS if error.does_not_fit else EXIT_USAGE) from None


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
    model.to(device)
    if recipe.channels_last:
        model.to(memory_format=torch.channels_last)
    average = None if recipe.ema is None else Average(model, recipe.ema)
    progress = Progress(model, make_optimizer(model, recipe.optimizer, device), average)
    sample = data.train.sample()
    normalization = measure(sample) if recipe.data.normalize else unchanged(data.train.channels)
    prepare = Prepare(network.input, normalization, device, channels_last=recipe.channels_last)
    augment = Augment(recipe.augmentation, prepare, measure_colors(sample) if recipe.augmentation.pca_noise else None)
    autocast, line = autocast_for(recipe.precision, device)
    forward: nn.Module = torch.compile(model) if recipe.compile else model  # type: ignore[assignment]
    setup = Setup(recipe, data, prepare, augment, world.parallel(forward), auxiliary_outputs, autocast, world, device)
    return Prepared(progress, setup, normalization, [line] if line else [])


def _train_in(folder: RunFolder, resume: bool, job: Job, data: DataSet, started: float) -> RunResult:
    """Train in a folder that is open; the end of `train`."""
    network, recipe, device, world = job.network, job.recipe, job.device, job.world
    progress, setup, normalization, of_precision = prepare_training(network, recipe, data, device, world, job.start)
    environment = describe_environment(device, world)
    if job.start is not None:
        environment["weights"] = str(job.start[0].path)
    facts = Facts(network_facts(job.origin), recipe.to_yaml(), list(data.classes), data.digest(), environment)
    content: dict[str, Any] | None = None
    told = [] if job.start is None else summary(job.start[1], str(job.start[0].path), network.name)
    if resume:
        content, _, damaged = load_newest(folder.path)
        told += damaged
        kept = Facts(**content["facts"])
        if kept.network != facts.network:
            refuse_other_network(kept.network, network, job.spec, str(folder))
        refuse_other_facts(kept, facts, str(folder))
        if causes := not_exact_because(kept.environment, environment):
            told.append(f"it goes on, but not to the last bit as it would have: {'; '.join(causes)}")
        _put(content, progress)
        told.append(f"{folder} {_where_it_stands(progress, recipe)}")
    told += of_precision
    keeper = _Keeper(folder, progress, facts, job._replace(origin=job.origin._replace(normalization=normalization)))
    job.report.begin(_plan(keeper, data, told))
    with closing(keeper), stop_on_signals() as stop:
        keeper.begin(is_new=content is None)
        with not_finite_told(folder, network, recipe, device, world.is_first):
            train_loop(progress, setup, keeper, stop)
        if stop.signal is not None and not (folder.path / WEIGHTS).exists():
            with progress.evaluated_model():  # Not evaluated yet, but better than none for one who looks.
                keeper.keep_weights()
        final = None if stop.signal is not None else _final_evaluation(keeper, setup, stop)
        if final is not None and world.is_first:
            folder.write_json(RESULT, _result(progress, final))
    return RunResult(
        folder=folder.path,
        epochs=tuple(progress.epochs),
        step=progress.step,
        test_loss=None if final is None else final[0],
        test_accuracy=None if final is None else final[1],
        best_epoch=best_epoch(progress.epochs) if progress.epochs else None,
        signal=stop.signal,
        resumed_at=None if content is None else content["step"],
        seconds=time.monotonic() - started,
    )


def _put(content: dict[str, Any], progress: Progress) -> None:
    """Make of a training that has not begun the one that was kept."""
    progress.model.load_state_dict(content["model"])
    progress.optimizer.load_state_dict(content["optimizer"])
    if progress.average is not None:
        progress.average.load_state_dict(content["average"])
    progress.epochs = [EpochMetrics(**each) for each in content["epochs"]]
    progress.step, progress.right = content["step"], content["right"]
    progress.loss_sum, progress.seconds = content["loss_sum"], content["seconds"]


def _where_it_stands(progress: Progress, recipe: Recipe) -> str:
    return "is done" if is_done(progress.epochs, recipe) else f"goes on after step {progress.step:,}"


def _final_evaluation(keeper: _Keeper, setup: Setup, stop: StopRequest) -> tuple[float, float] | None:
    """The loss and the accuracy on the test images of the weights that were kept; None where a stop was requested."""
    progress, last, done = keeper.progress, keeper.progress.epochs[-1], keeper.folder.result()
    if done is not None:
        return done["test_loss"], done["test_accuracy"]
    if last.test_loss is not None and last.test_accuracy is not None:
        return last.test_loss, last.test_accuracy
    setup.world.wait()  # Until the first process has written the weights.
    # The best weights are on the disk alone; what the model has now is in the checkpoint.
    read = tensors.read_weights(keeper.folder.path / WEIGHTS)
    tensors.put(read, tensors.fit(read, state_of(keeper.job.network), keeper.job.network.name), progress.model)
    found = setup.evaluated(progress.model, setup.data.test, stop)
    return None if found is None else (found.loss, found.accuracy)


def _result(progress: Progress, test: tuple[float, float]) -> dict[str, Any]:
    """What a run came to, as its folder keeps it."""
    best = best_epoch(progress.epochs)
    return {
        "epochs": len(progress.epochs),
        "steps": progress.step,
        "best_epoch": best,
        "validation_accuracy": progress.epochs[best - 1].validation_accuracy,
        "test_loss": test[0],
        "test_accuracy": test[1],
    }


def _plan(keeper: _Keeper, data: DataSet, told: list[str]) -> Plan:
    job, progress, count = keeper.job, keeper.progress, len(data.train)
    device, recipe = job.device, job.recipe
    steps = progress.step - len(progress.epochs) * math.ceil(count / recipe.batch_size)
    where = f"{device} ({torch.get_num_threads()} threads)" if device.type == "cpu" else str(device)
    return Plan(
        network=job.network.name,
        input=str(job.network.input),
        parameters=sum(parameter.numel() for parameter in progress.model.parameters()),
        data=data.name,
        train_images=count,
        validation_images=0 if data.validation is None else len(data.validation),
        test_images=len(data.test),
        classes=len(data.classes),
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        device=where if job.world.size == 1 else f"{job.world.size} processes, each on {where}",
        out=str(keeper.folder),
        start=told or None,
        images_done=min(len(progress.epochs) * count + steps * recipe.batch_size, recipe.epochs * count),
    )


class _Keeper:
    """Keeps a run as it goes on, in its folder, and passes on what it is told."""

    def __init__(self, folder: RunFolder, progress: Progress, facts: Facts, job: Job) -> None:
        self.folder = folder
        self.progress = progress
        self.facts = facts
        self.job = job
        self.loggers: list[Logger] = []
        self.saved_at = time.monotonic()

    def begin(self, is_new: bool) -> None:
        """Write down what the run is, and where it starts, so that from here on it can be gone on with."""
        if not self.job.world.is_first:
            return
        if is_new:
            self.folder.write_text(RECIPE, self.facts.recipe)
            self.folder.write_json(ENVIRONMENT, self.facts.environment)
            self.save()
            self.folder.write_spec(self.job.origin)
        self.folder.forget_failure()
        earlier, path = self.progress.epochs, self.folder.path
        self.folder.write_metrics(earlier)  # What was measured after the checkpoint is measured again.
        self.loggers.append(CsvLog(path / METRICS_CSV, earlier))
        if self.job.tensorboard:
            self.loggers.append(TensorBoard(path / TENSORBOARD, self.facts.recipe, self.progress.step))

    def close(self) -> None:
        for logger in self.loggers:
            logger.close()

    def on_step(self, epoch: int, images_done: int, loss: float) -> None:
        self.job.report.on_step(epoch, images_done, loss)

    def save_is_due(self) -> bool:
        return time.monotonic() - self.saved_at >= self.job.save_every

    def save(self) -> None:
        self.saved_at = time.monotonic()
        progress = self.progress
        require_finite(progress.model, self.job.network, progress.step)
        if not self.job.world.is_first:
            return
        save_checkpoint(
            self.folder.path,
            progress.step,
            {
                "facts": self.facts._asdict(),
                "epochs": [each._asdict() for each in progress.epochs],
                "step": progress.step,
                "loss_sum": progress.loss_sum,
                "right": progress.right,
                "seconds": progress.seconds,
                "model": progress.model.state_dict(),
                "optimizer": progress.optimizer.state_dict(),
                "average": None if progress.average is None else progress.average.state_dict(),
            },
        )

    def keep_weights(self) -> None:
        if self.job.world.is_first:
            tensors.save_weights(self.folder.path / WEIGHTS, self.progress.model, self.job.origin)

    def on_epoch(self, metrics: EpochMetrics) -> None:
        if self.job.world.is_first:
            self.folder.write_metrics(self.progress.epochs)
            for logger in self.loggers:
                logger.on_epoch(metrics)
        self.job.report.on_epoch(metrics)
        if self.job.on_epoch is not None:
            self.job.on_epoch(metrics)


def choose_device(name: str) -> torch.device:
    """The device of a name: "auto", "cpu", "cuda", "cuda:1", "mps". Raises TrainingError where it is not there.

    Of several processes on a machine, each has a CUDA device of its own: that of its local rank.
    """
    kinds: dict[str, Callable[[], bool]] = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
        "cpu": lambda: True,
    }
    if name == "auto":
        name = next(kind for kind, is_there in kinds.items() if is_there())
    if name == "cuda" and is_one_of_many():
        name = f"cuda:{os.environ['LOCAL_RANK']}"
    kind, _, index = name.partition(":")
    if kind not in kinds or (index and (kind != "cuda" or not index.isdecimal())):
        raise TrainingError(f"--device: there is no {printable(name)}; there are auto, {', '.join(kinds)}")
    if not kinds[kind]():
        raise TrainingError(f"--device: torch finds no {kind} device on this machine; leave --device out, or say cpu")
    if index and int(index) >= torch.cuda.device_count():
        raise TrainingError(f"--device: there is no {name}; torch finds {torch.cuda.device_count()} cuda device(s)")
    return torch.device(name)


def data_folder(data_dir: Path | None) -> Path:
    """Where published data sets lie: as given, else $ARCHDSL_DATA, else ./data."""
    return Path(data_dir or os.environ.get("ARCHDSL_DATA") or "data").expanduser()


def describe_environment(device: torch.device, world: World) -> dict[str, Any]:
    """What a run's numbers depend on beside spec and recipe: text and numbers alone."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        archdsl_version = version("archdsl")
    except PackageNotFoundError:
        archdsl_version = "unknown"
    return {
        "archdsl": archdsl_version,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "platform": platform.platform(),
        "device": str(device),
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
        "threads": torch.get_num_threads(),
        "processes": world.size,
        "cores": os.cpu_count() or 0,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": list(sys.argv[1:]),
    }
