"""What `archdsl eval` prints: the numbers of a network on a set of images, for people or for programs."""

from __future__ import annotations

from statistics import fmean
from typing import Any, NamedTuple

from archdsl.backends.table import aligned
from archdsl.diagnostics.render import visible
from archdsl.formats.json import written
from archdsl.formats.report import VERSION
from archdsl.runs.evaluation import ClassScores, Evaluation

MOST_CLASSES = 20
"""Of more classes than these, text has the weakest, and in place of the matrix what is confused most often."""

_SHOWN = 10
_LONGEST_NAME = 30


class EvaluationReport(NamedTuple):
    """What is told of an evaluation.

    weights: the file. data, part: which images, "fashion-mnist" and "test". classes: the names of the classes.
    """

    weights: str
    data: str
    part: str
    classes: tuple[str, ...]
    evaluation: Evaluation


class Mean(NamedTuple):
    """The means over the classes, each counting the same."""

    precision: float
    recall: float
    f1: float


def mean_of(scores: list[ClassScores]) -> Mean:
    """The "macro averages", of which that of the recall is also called balanced accuracy.

    A value that a class does not have counts as 0, and a class that no image is of or was taken for counts nothing.
    """
    there = [each for each in scores if each.f1 is not None]
    return Mean(*(fmean(getattr(each, name) or 0 for each in there) for name in Mean._fields))


def text(report: EvaluationReport) -> str:
    """For people: a summary, a row for each class, and what is taken for what."""
    found = report.evaluation
    count = len(report.classes)
    top5 = "" if found.top5_accuracy is None else f", {found.top5_accuracy:.4f} in the first five"
    of_part = f"all {found.images:,}" if report.part == "all" else f"{found.images:,} {report.part}"
    lines = [
        f"{visible(report.weights)} on {visible(report.data)}: {of_part} images, {count} classes",
        f"accuracy {found.accuracy:.4f}{top5}; loss {found.loss:.4f}; calibration error {found.calibration_error:.4f}",
        "",
        *_class_lines(report),
        "",
        *(_matrix_lines(report) if count <= MOST_CLASSES else _confusion_lines(report)),
    ]
    if found.worst:
        lines += ["", *_worst_lines(report)]
    return "\n".join(lines)


def _name(report: EvaluationReport, label: int) -> str:
    name = visible(report.classes[label])
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."


def _class_lines(report: EvaluationReport) -> list[str]:
    scores = report.evaluation.classes
    shown = list(range(len(scores)))
    heading = []
    if len(scores) > MOST_CLASSES:
        shown = sorted(shown, key=lambda label: (scores[label].f1 or 0, label))[:_SHOWN]
        heading = [f"the {_SHOWN} classes of least F1:"]
    cells: list[tuple[str, ...]] = [("", "class", "images", "precision", "recall", "F1")]
    for label in shown:
        each = scores[label]
        cells.append((str(label), _name(report, label), f"{each.images:,}", *map(_part, each[1:])))
    cells.append(("", "mean of all classes", f"{report.evaluation.images:,}", *map(_part, mean_of(scores))))
    head, rule, *rows, mean, end = aligned(cells, "><>>>>")
    return [*heading, head, rule, *rows, rule, mean, end]


def _part(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _matrix_lines(report: EvaluationReport) -> list[str]:
    count = len(report.classes)
    cells = [("", "images of", *map(str, range(count)))]
    for label, row in enumerate(report.evaluation.confusion):
        cells.append((str(label), _name(report, label), *(str(each) if each else "." for each in row)))
    return ["taken for the class of the column:", *aligned(cells, "><" + ">" * count)]


def _confusion_lines(report: EvaluationReport) -> list[str]:
    confusions = report.evaluation.confusions
    if not confusions:
        return ["no image is taken for another class"]
    cells = [("images", "of", "taken for")]
    for images, label, predicted in confusions[:_SHOWN]:
        cells.append((f"{images:,}", _name(report, label), _name(report, predicted)))
    return ["what is confused most often:", *aligned(cells, "><<")]


def _worst_lines(report: EvaluationReport) -> list[str]:
    cells = [("image", "of", "taken for", "probability", "its own", "")]
    for each in report.evaluation.worst:
        names = (_name(report, each.label), _name(report, each.predicted))
        file = "" if each.file is None else visible(each.file)
        cells.append((str(each.image), *names, _part(each.probability), _part(each.label_probability), file))
    return ["most wrong:", *aligned(cells, "><<>><")]


def json(report: EvaluationReport) -> str:
    """One document, whose schema `archdsl schema evaluation` prints."""
    found = report.evaluation
    scores = found.classes
    document: dict[str, Any] = {
        "version": VERSION,
        "weights": report.weights,
        "data": report.data,
        "part": report.part,
        "images": found.images,
        "loss": found.loss,
        "accuracy": found.accuracy,
        "top5_accuracy": found.top5_accuracy,
        "calibration_error": found.calibration_error,
        "mean": mean_of(scores)._asdict(),
        "classes": [{"name": name, **each._asdict()} for name, each in zip(report.classes, scores, strict=True)],
        "confusion": [list(row) for row in found.confusion],
        "bins": [each._asdict() for each in found.bins],
        "worst": [each._asdict() for each in found.worst],
    }
    return written(document, indent=2)
