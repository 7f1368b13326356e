"""What is measured of each epoch, and how it is kept: a line of JSON an epoch."""

from __future__ import annotations

from typing import NamedTuple


class EpochMetrics(NamedTuple):
    """What an epoch came to.

    step: steps done since the start. lr: the rate of the last one.
    train_loss, train_accuracy: the mean over the epoch's steps, each before its update, with dropout and augmentation,
        and with the weighted losses of auxiliary heads in the loss. Of mixed images the accuracy is that of the class
        which has the larger part.
    validation_loss, validation_accuracy: over all images held back, after the epoch; None where none are, and after
        epochs without an evaluation.
    test_loss, test_accuracy: over the whole test set; None where images are held back, but for the run's last line.
    seconds: training and evaluation; images_per_second: training alone. Both are of the part of an epoch since the
        run was last resumed.
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
