"""One run: a network, a recipe and its data in; a folder with all that the run was and gave out."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from archdsl.network import Network
from archdsl.runs.folder import ENVIRONMENT, METRICS, RECIPE, WEIGHTS, RunFolder
from archdsl.runs.metrics import EpochMetrics
from archdsl.source import Source
from archdsl.training.checkpoint import save_checkpoint
from archdsl.training.data.image_set import DataSet
from archdsl.training.data.load import load_data
from archdsl.training.data.prepare import Prepare, measure, unchanged
from archdsl.training.errors import TRAINING_FAILED, WEIGHTS_DO_NOT_FIT, WRONG_USE, TrainingError, printable
from archdsl.training.initialize import initialize
from archdsl.training.loop import Position, train_loop
from archdsl.training.optimizers import make_optimizer
from archdsl.training.recipe import Recipe
from archdsl.training.report import Plan, Report, Silence
from archdsl.training.signals import stop_on_signals
from archdsl.weights import tensors
from archdsl.weights.errors import WeightsError
from archdsl.weights.explain import summary
from archdsl.weights.files import Origin, origin_of
from archdsl.weights.match import Match
from archdsl.weights.state import state_of
from archdsl.writer import write_bytes


class RunResult(NamedTuple):
    """What a run gave.

    folder: where it is kept. epochs: the metrics of each epoch done. signal: the signal that stopped it, or None.
    """

    folder: Path
    epochs: tuple[EpochMetrics, ...]
    position: Position
    signal: int | None
    seconds: float


def train(
    network: Network,
    spec: Source,
    recipe: Recipe,
    *,
    device: str = "auto",
    data_dir: Path | None = None,
    download: bool = False,
    out: Path | None = None,
    imports: Sequence[Source] = (),
    settings: Mapping[str, Any] | None = None,
    weights: Path | None = None,
    leave_out: Sequence[str] = (),
    report: Report | None = None,
) -> RunResult:
    """Train a network and keep the run in a folder.

    Args:
        spec: the text of the network, which the run keeps.
        device: "auto" is the first there is of cuda, mps and cpu.
        data_dir: where published data sets lie; $ARCHDSL_DATA by default, else ./data.
        download: whether a published data set that is not there is fetched.
        out: the run's folder, new or empty; the next of runs/lenet-1, runs/lenet-2, ... by default.
        imports: the files that the spec imports, directly or through others; the run keeps them too.
        weights: a file of weights to start from, and leave_out: modules that are initialized all the same.
        settings: what else made the network of the spec, as `--set` and `--input` do; kept beside it.
        report: is told how the run goes on.

    Raises:
        TrainingError: for a mistake of the user's, or a training that can't go on.
    """
    report = Silence() if report is None else report
    started = time.monotonic()
    on = choose_device(device)
    text = {
        "name": spec.name,
        "text": spec.text,
        "imports": {source.name: source.text for source in imports},
        "settings": dict(settings or {}),
    }
    try:
        start = None if weights is None else _read_start(weights, network, spec, leave_out)
        data = load_data(recipe.data, network, spec, data_folder(data_dir), download)
        run = RunFolder.create(out, spec.name)
        lets = {name: value for name, value in (settings or {}).items() if name != "input"}
        kept = origin_of(spec, imports, network.input, lets)
        with run.lock():
            return _train_in(run, network, text, kept, start, recipe, on, data, report, started)
    except OSError as error:
        place = printable(str(error.filename or "the run's folder"))
        raise TrainingError(f"{place} could not be written: {error.strerror or error}", TRAINING_FAILED) from error
    except (torch.OutOfMemoryError, RuntimeError, MemoryError) as error:
        if not _is_out_of_memory(error):
            raise
        smaller = max(1, recipe.batch_size // 2)
        raise TrainingError(
            f"out of memory on {on} with batches of {recipe.batch_size}; try --batch-size {smaller}, a smaller "
            "--input, or fewer images with --limit-train",
            TRAINING_FAILED,
        ) from error
    finally:
        report.close()


def _read_start(
    weights: Path, network: Network, spec: Source, leave_out: Sequence[str]
) -> tuple[tensors.Weights, Match]:
    """The weights that a training starts from. Raises TrainingError where they can't be read, or do not fit."""
    try:
        read = tensors.read_weights(weights)
        return read, tensors.fit(read, state_of(network), spec.name, leave_out)
    except WeightsError as error:
        raise TrainingError(str(error), WEIGHTS_DO_NOT_FIT if error.does_not_fit else WRONG_USE) from None


def _train_in(
    run: RunFolder,
    network: Network,
    spec: dict[str, Any],
    origin: Origin,
    start: tuple[tensors.Weights, Match] | None,
    recipe: Recipe,
    device: torch.device,
    data: DataSet,
    report: Report,
    started: float,
) -> RunResult:
    from archdsl.backends.pytorch import auxiliary_outputs, build

    folder = run.path
    torch.manual_seed(recipe.seed)
    model: nn.Sequential = build(network)
    initialize(model, recipe.initialization)
    if start is not None:
        tensors.put(*start, model)
    model.to(device)
    model.to(memory_format=torch.channels_last)
    normalization = measure(data.train.sample()) if recipe.data.normalize else unchanged(data.train.channels)
    data = data.to(device)
    optimizer = make_optimizer(model, recipe.optimizer, device)

    environment = describe_environment(device)
    origin = origin._replace(classes=tuple(data.classes), normalization=normalization)
    run.write_spec(origin)
    write_bytes(folder / RECIPE, recipe.to_yaml().encode())
    if start is not None:
        environment["weights"] = str(start[0].path)
    run.write_json(ENVIRONMENT, environment)
    report.begin(
        Plan(
            network=network.name,
            input=str(network.input),
            parameters=sum(parameter.numel() for parameter in model.parameters()),
            data=data.name,
            train_images=len(data.train.labels),
            test_images=len(data.test.labels),
            classes=len(data.classes),
            epochs=recipe.epochs,
            batch_size=recipe.batch_size,
            device=f"{device} ({torch.get_num_threads()} threads)" if device.type == "cpu" else str(device),
            out=str(folder),
            start=None if start is None else summary(start[1], str(start[0].path), network.name),
        )
    )

    def save(position: Position) -> None:
        save_checkpoint(
            folder,
            position.step,
            {
                "spec": spec,
                "input": list(network.input),
                "classes": list(data.classes),
                "normalization": {"mean": list(normalization.mean), "std": list(normalization.std)},
                "recipe": recipe.to_yaml(),
                "epoch": position.epoch,
                "step": position.step,
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "random": torch.get_rng_state(),
                "environment": environment,
            },
        )

    with open(folder / METRICS, "a", encoding="utf-8") as metrics_file, stop_on_signals() as stop:
        recorder = _Recorder(metrics_file, report)
        prepare = Prepare(network.input, normalization, device)
        position = train_loop(model, optimizer, data, prepare, recipe, auxiliary_outputs, recorder, save, stop)
    tensors.save_weights(folder / WEIGHTS, model, origin)
    return RunResult(folder, tuple(recorder.epochs), position, stop.signal, time.monotonic() - started)


class _Recorder:
    """Writes each epoch's metrics to the run's file before it passes them on."""

    def __init__(self, file: Any, report: Report) -> None:
        self.file = file
        self.report = report
        self.epochs: list[EpochMetrics] = []

    def on_step(self, epoch: int, images_done: int, loss: float) -> None:
        self.report.on_step(epoch, images_done, loss)

    def on_epoch(self, metrics: EpochMetrics) -> None:
        self.epochs.append(metrics)
        self.file.write(json.dumps(metrics._asdict()) + "\n")
        self.file.flush()
        self.report.on_epoch(metrics)


def choose_device(name: str) -> torch.device:
    """The device of a name: "auto", "cpu", "cuda", "cuda:1", "mps". Raises TrainingError where it is not there."""
    kinds: dict[str, Callable[[], bool]] = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
        "cpu": lambda: True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, is_there in kinds.items() if is_there()))
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


def describe_environment(device: torch.device) -> dict[str, Any]:
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
        "cores": os.cpu_count() or 0,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": list(sys.argv[1:]),
    }


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    return "can't allocate memory" in text or "out of memory" in text or "not enough memory" in text
