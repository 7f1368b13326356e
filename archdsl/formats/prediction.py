"""What `archdsl predict` prints: a line for each picture, for people or for programs."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.diagnostics.render import visible
from archdsl.formats.json import written
from archdsl.runs.evaluation import Prediction


def text(prediction: Prediction, classes: Sequence[str]) -> str:
    """For people: `cat.png: cat 0.9312, dog 0.0411`."""
    found = ", ".join(f"{visible(classes[label])} {probability:.4f}" for label, probability in prediction.classes)
    return f"{visible(prediction.file)}: {found}"


def json(prediction: Prediction, classes: Sequence[str]) -> str:
    """An object, whose schema `archdsl schema prediction` prints."""
    found = [
        {"class": classes[label], "label": label, "probability": probability}
        for label, probability in prediction.classes
    ]
    return written({"image": prediction.file, "predictions": found})
