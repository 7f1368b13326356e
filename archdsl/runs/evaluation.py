"""What a network gives on a set of images, in numbers, and what follows from them for each class."""

from __future__ import annotations

from typing import NamedTuple


class Bin(NamedTuple):
    """The images whose predicted class has a probability in one part of the way from 0 to 1.

    confidence: the mean of these probabilities. accuracy: the part of these images that is right. Both are 0 where
    there are none.
    """

    images: int
    confidence: float
    accuracy: float


class ClassScores(NamedTuple):
    """How well one class is told from the others.

    images: how many are of it. precision: of those taken for it, the part that is; None where none was.
    recall: of those that are of it, the part that was found; None where none are. f1: the harmonic mean of both,
    2 right / (2 right + wrongly taken for it + missed); None where all three are 0.
    """

    images: int
    precision: float | None
    recall: float | None
    f1: float | None


class Mistake(NamedTuple):
    """An image that was taken for another class, and the probabilities of that class and of its own.

    image: its place in the set, from 0. label, predicted: the numbers of the classes.
    file: where it was read from; None where it has no file of its own.
    """

    image: int
    label: int
    predicted: int
    probability: float
    label_probability: float
    file: str | None = None


class Confusion(NamedTuple):
    """How many images of a class were taken for another; the numbers of both."""

    images: int
    label: int
    predicted: int


class Evaluation(NamedTuple):
    """What a network gives on a set of images, each of which counts once.

    loss: the mean cross entropy, without label smoothing. accuracy: the part that is right; top5_accuracy: the part
        whose class is among the five most probable, None where there are no more than five.
    calibration_error: how far probabilities are from what they promise, of the 15 `bins` the mean of
        |accuracy - confidence|, each by its part of the images (Guo et al. 2017, equation 3).
    confusion: how many images of the class of a row were taken for the class of a column.
    worst: wrong ones, those first whose own class was least probable; as many as were asked for.
    """

    images: int
    loss: float
    accuracy: float
    top5_accuracy: float | None
    calibration_error: float
    bins: tuple[Bin, ...]
    confusion: tuple[tuple[int, ...], ...]
    worst: tuple[Mistake, ...] = ()

    @property
    def classes(self) -> list[ClassScores]:
        """The scores of each class."""
        taken = [sum(column) for column in zip(*self.confusion, strict=True)]
        scores = []
        for label, row in enumerate(self.confusion):
            own, right = sum(row), row[label]
            scores.append(
                ClassScores(own, _part(right, taken[label]), _part(right, own), _part(2 * right, own + taken[label]))
            )
        return scores

    @property
    def confusions(self) -> list[Confusion]:
        """What was taken for what, the most frequent first."""
        found = [
            Confusion(images, label, predicted)
            for label, row in enumerate(self.confusion)
            for predicted, images in enumerate(row)
            if images and label != predicted
        ]
        return sorted(found, key=lambda each: (-each.images, each.label, each.predicted))


class Prediction(NamedTuple):
    """What the picture in a file is taken for: the numbers of the most probable classes, with their probabilities."""

    file: str
    classes: tuple[tuple[int, float], ...]


def _part(of: int, whole: int) -> float | None:
    return of / whole if whole else None
