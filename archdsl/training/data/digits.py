"""The handwritten digits that scikit-learn ships: 1797 grey images of 8x8, of the test part of a set of UCI's."""

from __future__ import annotations

import torch

from archdsl.errors import TrainingError
from archdsl.training.data.image_set import DataSet, ImageSet

SIDE = 8
CLASSES = tuple("0123456789")

TEST = 360
"""A fifth, the last in their order, as scikit-learn's `train_test_split(test_size=0.2, shuffle=False)` has it. The
images are in the order of who wrote them, so that few hands are in both parts."""

_WHITE = 16  # Pixels are from 0 to it.


def read_digits() -> DataSet:
    """The digits as bytes. Raises TrainingError where scikit-learn is not installed."""
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError:
        raise TrainingError("digits needs scikit-learn: pip install 'archdsl[digits]'") from None
    loaded = load_digits()
    images = (torch.from_numpy(loaded.images) * 255 / _WHITE).round().to(torch.uint8).unsqueeze(1)
    labels = torch.from_numpy(loaded.target).long()
    train, test = (ImageSet(images[part], labels[part]) for part in (slice(-TEST), slice(-TEST, None)))
    return DataSet("digits", CLASSES, train, test)
