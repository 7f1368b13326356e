"""A run from its beginning to its end: images read, a folder opened, trained in, and evaluated."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch

from archdsl.diagnostics.render import printable
from archdsl.errors import CallersError, TrainingError
from archdsl.exit_codes import EXIT_FAILED
from archdsl.network import Network
from archdsl.recipe.recipe import Recipe
from archdsl.runs.folder import RESULT, WEIGHTS, RunFolder
from archdsl.runs.metrics import EpochMetrics
from archdsl.training.checkpoint import load_newest
from archdsl.training.data.image_set import DataSet
from archdsl.training.data.load import data_folder, with_whole_path
from archdsl.training.environment import choose_device, describe_environment
from archdsl.training.keeper import Keeper
from archdsl.training.loggers import require_tensorboard
from archdsl.training.loop import Progress, Setup, best_epoch, is_done, train_loop
from archdsl.training.not_finite import not_finite_told
from archdsl.training.out_of_memory import advice, is_out_of_memory
from archdsl.training.report import Plan, Report, Silence
from archdsl.training.resume import Facts, network_facts, not_exact_because, refuse_other_facts, refuse_other_network
from archdsl.training.setup import Job, prepare_training, read_fitting, read_images, refuse_unfit
from archdsl.training.signals import StopRequest, stop_on_signals
from archdsl.training.start import is_one_of_many
from archdsl.training.subject import Subject
from archdsl.training.world import Processes, World
from archdsl.weights import tensors
from archdsl.weights.explain import summary
from archdsl.writer import UNFINISHED

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


def train(
    subject: Subject,
    recipe: Recipe,
    *,
    device: str = "auto",
    data_dir: Path | None = None,
    download: bool = False,
    out: Path | None = None,
    resume: bool = False,
    weights: Path | None = None,
    leave_out: Sequence[str] = (),
    save_every: float | None = None,
    report: Report | None = None,
    tensorboard: bool = False,
    on_epoch: Callable[[EpochMetrics], object] | None = None,
    images: DataSet | None = None,
) -> RunResult:
    """Train a network and keep the run in a folder, or go on with one that was stopped.

    Args:
        subject: the network, with its text and the files that this imports, which the run keeps.
        device: "auto" is the first there is of cuda, mps and cpu.
        data_dir: where published data sets lie; $ARCHDSL_DATA by default, else ./data.
        download: whether a published data set that is not there is fetched.
        out: the run's folder, new or empty; the next of runs/lenet-1, runs/lenet-2, ... by default.
        resume: whether `out` is a run that goes on from its newest checkpoint, to what it would have come to if it
            had never been stopped. Network, recipe and data must be those that it was started with.
        weights: a file of weights to start from, and leave_out: modules that are initialized all the same.
        save_every: the progress is kept after so many seconds, SAVE_EVERY by default, beside the end of each epoch.
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
    recipe = with_whole_path(recipe)
    images_folder = recipe.data.name.removeprefix("folder:")
    if resume and images_folder != recipe.data.name and not Path(images_folder).exists():
        moved = "where the images have moved, say --data folder:NEW"
        raise TrainingError(f"{printable(images_folder)}: there is no such folder; {moved}", of_all=True)
    images_in = data_folder(data_dir, RunFolder(out) if resume and out is not None else None)
    on = choose_device(device)
    world = Processes(on) if is_one_of_many() else World()
    report = report if world.is_first else Silence()
    try:
        with failures_told(subject.network, recipe, on, world):
            start = (
                None
                if weights is None or resume
                else read_fitting(weights, subject.network, subject.spec.name, leave_out)
            )
            data = images or read_images(recipe, subject, images_in, download, on, world, report)
            refuse_unfit(recipe, subject, data, world)
            origin, seconds = subject.origin(data.classes), SAVE_EVERY if save_every is None else save_every
            job = Job(subject, recipe, on, world, origin, start, seconds, report, tensorboard, on_epoch)
            with _folder_of(out, resume, job) as folder, failures_told(subject.network, recipe, on, world, data):
                return _train_in(folder, resume, job, data, images_in, started)
    except CallersError as error:
        raise error.error from None
    finally:
        report.close()
        world.close()


@contextmanager
def failures_told(
    network: Network, recipe: Recipe, on: torch.device, world: World, data: DataSet | None = None
) -> Iterator[None]:
    """Make TrainingErrors of what the machine may do to a training: a full disk, too little memory, a lost process, an
    operation that its device has not.

    Within the run's folder, so that it notes them in these words, and around all else.
    """
    try:
        yield
    except OSError as error:
        file = Path(str(error.filename or "the run's folder"))
        place = printable(str(file.parent if file.name.endswith(UNFINISHED) else file))
        raise TrainingError(f"{place} could not be written: {error.strerror or error}", EXIT_FAILED) from error
    except (torch.OutOfMemoryError, RuntimeError, MemoryError) as error:
        if world.is_lost(error):
            why = str(error).partition("\n")[0]
            raise TrainingError(f"another process of the training was lost: {why}", EXIT_FAILED) from error
        if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            why = printable(str(error).strip().partition("\n")[0])
            raise TrainingError(f"torch.compile failed, leave out `compile`: {why}", EXIT_FAILED) from error
        if isinstance(error, NotImplementedError) and on.type != "cpu":  # As many an operation on Apple's GPUs.
            why = printable(str(error).partition("\n")[0].partition(". ")[0])
            raise TrainingError(f"torch can't train this on {on}: {why}; try --device cpu", EXIT_FAILED) from error
        if not is_out_of_memory(error):
            raise
        raise TrainingError(advice(network, recipe, on, world.size, data), EXIT_FAILED) from error


@contextmanager
def _folder_of(out: Path | None, resume: bool, job: Job) -> Iterator[RunFolder]:
    """The run's folder, which no other program writes to while it is open."""
    with ExitStack() as stack:

        def opened() -> str:
            folder = RunFolder.open(out) if resume and out is not None else RunFolder.create(out, job.subject.spec.name)
            stack.enter_context(folder.lock())
            if not resume:
                folder.refuse_if_used()
            return str(folder.path)

        folder = RunFolder(Path(job.world.from_first(opened)))
        if job.world.is_first:
            stack.enter_context(folder.noting_failure())
        yield folder


def _train_in(folder: RunFolder, resume: bool, job: Job, data: DataSet, images_in: Path, started: float) -> RunResult:
    """Train in a folder that is open; the end of `train`."""
    network, recipe, device, world = job.subject.network, job.recipe, job.device, job.world
    progress, setup, normalization, of_precision = prepare_training(network, recipe, data, device, world, job.start)
    environment = describe_environment(device, world) | {"data_dir": str(images_in.absolute())}
    if job.start is not None:
        environment["weights"] = str(job.start[0].path)
    digests = data.digest(), data.digest_of_heads()
    facts = Facts(network_facts(job.origin), recipe.to_yaml(), list(data.classes), digests[0], environment, digests[1])
    content: dict[str, Any] | None = None
    newest: Path | None = None
    told = [] if job.start is None else summary(job.start[1], str(job.start[0].path), network.name)
    if resume:
        content, newest, damaged = load_newest(folder.path)
        told += damaged
        kept = Facts(**content["facts"])
        if kept.network != facts.network:
            refuse_other_network(kept.network, network, job.subject.spec, str(folder))
        refuse_other_facts(kept, facts, str(folder))
        progress.put(content)
        causes = not_exact_because(kept.environment, environment)
        if causes and not is_done(progress.epochs, recipe):
            told.append(f"it goes on, but not to the last bit as it would have: {'; '.join(causes)}")
        told.append(f"{folder} {_where_it_stands(progress, recipe)}")
    told += of_precision
    keeper = Keeper(folder, progress, facts, job._replace(origin=job.origin._replace(normalization=normalization)))
    if newest is not None:
        told += _with_weights_kept(keeper, setup, newest)
    job.report.begin(_plan(keeper, data, told))
    with closing(keeper), stop_on_signals() as stop:
        keeper.begin(is_new=content is None)
        with not_finite_told(folder, network, recipe, device, world.is_first):
            try:
                train_loop(progress, setup, keeper, stop)
            except TrainingError as error:
                error.exit_code = EXIT_FAILED  # As where a picture is gone that was there in the beginning.
                raise
        is_stopped = setup.is_stopped(stop)
        if is_stopped and not (folder.path / WEIGHTS).exists():
            with progress.evaluated_model():  # Not evaluated yet, but better than none for one who looks.
                keeper.keep_weights()
        final = None if is_stopped else _final_evaluation(keeper, setup, stop)
        if final is not None and world.is_first:
            folder.write_json(RESULT, _result(progress, final))
    return RunResult(
        folder=folder.path,
        epochs=tuple(progress.epochs),
        step=progress.step,
        test_loss=None if final is None else final[0],
        test_accuracy=None if final is None else final[1],
        best_epoch=best_epoch(progress.epochs) if progress.epochs else None,
        signal=stop.signal if final is None else None,
        resumed_at=None if content is None else content["step"],
        seconds=time.monotonic() - started,
    )


def _where_it_stands(progress: Progress, recipe: Recipe) -> str:
    return "is done" if is_done(progress.epochs, recipe) else f"goes on after step {progress.step:,}"


def _with_weights_kept(keeper: Keeper, setup: Setup, newest: Path) -> list[str]:
    """See to it that the kept weights of a run that goes on are there, and anew where they are those that it has.

    newest: the checkpoint that it goes on from. Returns lines to tell. Raises TrainingError where the best weights are
    lost, which were in their file alone: else that would show when all epochs are done.
    """
    folder, progress, network = keeper.folder, keeper.progress, keeper.job.subject.network
    if not progress.epochs:
        return []
    try:
        read_fitting(folder.path / WEIGHTS, network, network.name)
        return []
    except TrainingError as error:
        why = str(error)
    best, done = best_epoch(progress.epochs), len(progress.epochs)
    if best == done and progress.step == done * math.ceil(len(setup.data.train) / setup.recipe.batch_size):
        with progress.evaluated_model():
            keeper.keep_weights()
        return []
    if all(each.validation_accuracy is None for each in progress.epochs):
        return []  # The next evaluation keeps weights.
    lost = f"{folder}/{WEIGHTS} no longer has the weights of epoch {best}, the best so far"
    if is_done(progress.epochs, setup.recipe) and (folder.path / RESULT).exists():
        return [lost]
    raise TrainingError(
        f"{lost}: {why}\nput the file back, or start a new run from where this one stands, with --weights "
        f"{printable(str(newest))}",
        of_all=True,
    )


def _final_evaluation(keeper: Keeper, setup: Setup, stop: StopRequest) -> tuple[float, float] | None:
    """The loss and the accuracy on the test images of the weights that were kept; None where a stop was requested."""
    progress, last, done = keeper.progress, keeper.progress.epochs[-1], None
    with suppress(TrainingError):  # A damaged result is made anew.
        done = keeper.folder.result()
    if done is not None:
        return done["test_loss"], done["test_accuracy"]
    if last.test_loss is not None and last.test_accuracy is not None:
        return last.test_loss, last.test_accuracy
    setup.world.wait()  # Until the first process has written the weights.
    # The best weights are on the disk alone; what the model has now is in the checkpoint.
    network = keeper.job.subject.network
    tensors.put(*read_fitting(keeper.folder.path / WEIGHTS, network, network.name), progress.model)
    found = setup.evaluated(progress.model, setup.data.test, stop, keeper.report)
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


def _plan(keeper: Keeper, data: DataSet, told: list[str]) -> Plan:
    job, progress, count = keeper.job, keeper.progress, len(data.train)
    device, recipe = job.device, job.recipe
    steps = progress.step - len(progress.epochs) * math.ceil(count / recipe.batch_size)
    threads = torch.get_num_threads()
    of_threads = f" ({threads} thread{'s' if threads != 1 else ''})"
    where = f"{device}{of_threads if device.type == 'cpu' else ''}"
    return Plan(
        network=job.subject.network.name,
        input=str(job.subject.network.input),
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
