"""What a run came to so far, in the few facts by which one run is told from another."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from archdsl.errors import TrainingError
from archdsl.recipe.yaml_text import read_yaml
from archdsl.runs.folder import RunFolder
from archdsl.runs.metrics import EpochMetrics

RUNNING, FINISHED, STOPPED, FAILED, DAMAGED = "running", "finished", "stopped", "failed", "damaged"


class RunSummary(NamedTuple):
    """One run.

    name: its folder, as it was found. network: the name of its spec. data: that of its data set.
    epochs_done: the epochs in its metrics; epochs: those that the recipe asks for.
    evaluated_on: "validation" or "test": whose accuracy `best` and `last` are, of `best_epoch` and the last epoch.
    test_accuracy: of the weights that were kept, on the test images, of a run that is finished.
    status: "running" where a process writes to it, "finished", "failed", "stopped" where it can be resumed, or
        "damaged".
    started: when, in UTC. seconds: the time of all epochs, images_per_second: in training, the median over epochs.
    problem: what can't be read of a damaged run, or why one failed.
    """

    name: str
    status: str
    network: str | None = None
    data: str | None = None
    epochs_done: int = 0
    epochs: int | None = None
    evaluated_on: str | None = None
    best: float | None = None
    best_epoch: int | None = None
    last: float | None = None
    test_accuracy: float | None = None
    started: str | None = None
    seconds: float = 0.0
    images_per_second: float | None = None
    problem: str | None = None


def summary_of(run: RunFolder) -> RunSummary:
    """The facts of a run; where a file of it is damaged, what is wrong with it."""
    try:
        origin, recipe = run.origin(), values_of(run)
        epochs, environment, result, failure = run.metrics(), run.environment(), run.result(), run.failure()
    except TrainingError as error:
        return RunSummary(str(run), DAMAGED, problem=str(error))
    part = evaluated_part(epochs)
    accuracies = [(each.epoch, value) for each in epochs if (value := accuracy_of(each, part)) is not None]
    best = max(accuracies, key=lambda pair: pair[1], default=(None, None))
    data = recipe.get("data")
    stopped = STOPPED if failure is None else FAILED
    status = RUNNING if run.holder() is not None else FINISHED if result is not None else stopped
    return RunSummary(
        name=str(run),
        status=status,
        network=origin.spec.rpartition("/")[2].removesuffix(".arch"),
        data=str(data.get("name")) if isinstance(data, dict) else None,
        epochs_done=len(epochs),
        epochs=_whole(recipe.get("epochs")),
        evaluated_on=part if accuracies else None,
        best=best[1],
        best_epoch=best[0],
        last=accuracies[-1][1] if accuracies else None,
        test_accuracy=_number((result or {}).get("test_accuracy")),
        started=_text(environment.get("started")),
        seconds=sum(each.seconds for each in epochs),
        images_per_second=statistics.median(each.images_per_second for each in epochs) if epochs else None,
        problem=f"{run}: {failure}" if status == FAILED else None,
    )


def values_of(run: RunFolder) -> dict[str, Any]:
    """The recipe of a run as it is written. Raises TrainingError where it can't be read."""
    value = read_yaml(str(run.path / "recipe.yaml"), run.recipe_text()).value
    return value if isinstance(value, dict) else {}


def evaluated_part(epochs: Sequence[EpochMetrics]) -> str:
    """On which images the epochs of a run were evaluated: "validation" or "test"."""
    return "validation" if any(each.validation_accuracy is not None for each in epochs) else "test"


def accuracy_of(metrics: EpochMetrics, part: str) -> float | None:
    """The accuracy on the images of a part, where it is a number."""
    value = metrics.validation_accuracy if part == "validation" else metrics.test_accuracy
    return value if value is not None and math.isfinite(value) else None


def loss_of(metrics: EpochMetrics, part: str) -> float | None:
    return metrics.validation_loss if part == "validation" else metrics.test_loss


def time_text(seconds: float) -> str:
    """A time as people say it: "8.2 s", "3 min 20 s", "2 h 05 min"."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours:,} h {minutes_left:02} min" if hours else f"{minutes} min {rest:02} s"


def when_text(started: str | None) -> str:
    """A moment, in the time zone of this machine: "2026-11-27 15:30"; "-" where there is none."""
    try:
        return datetime.fromisoformat(started or "").astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return "-"


def accuracy_text(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def epochs_text(summary: RunSummary) -> str:
    """How far a run has come: "3/10"."""
    return f"{summary.epochs_done}/{'?' if summary.epochs is None else summary.epochs}"


def _whole(value: Any) -> int | None:
    return value if type(value) is int else None


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and math.isfinite(value) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
