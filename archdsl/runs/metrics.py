"""What is measured of each epoch, and how it is kept: a line of JSON an epoch."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class EpochMetrics(NamedTuple):
    """What an epoch came to.

    step: steps done since the start. lr: the rate of the last one.
    train_loss, train_accuracy: the mean over the epoch's steps, each before its update, with dropout and augmentation,
        and with the weighted losses of auxiliary heads in the loss. Of mixed images the accuracy is that of the class
        which has the larger part.
    validation_loss, validation_accuracy: over all images held back, after the epoch; None where none are, and after
        epochs without an evaluation.
    test_loss, test_accuracy: over the whole test set; None where images are held back, but for the run's last line.
    seconds: training and evaluation; images_per_second: training alone. Both are of the whole epoch, with what was
        done of it before the run was stopped and went on.
    """

    epoch: int
    step: int
    lr: float
    train_loss: float
    train_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None
    seconds: float
    images_per_second: float


_WHOLE = ("epoch", "step")
_MAY_LACK = ("validation_loss", "validation_accuracy", "test_loss", "test_accuracy")


def line_of(metrics: EpochMetrics) -> str:
    """The line of an epoch, with its line feed."""
    return json.dumps(metrics._asdict()) + "\n"


def metrics_in(line: str) -> EpochMetrics | None:
    """What `line_of` wrote, or None for any other text."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    values: dict[str, Any] = {name: content.get(name) for name in EpochMetrics._fields}
    for name, value in values.items():
        kinds = (int,) if name in _WHOLE else (int, float)
        if type(value) not in kinds and not (value is None and name in _MAY_LACK):
            return None
    return EpochMetrics(**values)
