"""A run as a page: how it went, what it gets wrong, and all that it was made of."""

from __future__ import annotations

import shlex
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from archdsl.backends.table import layers, number, rows
from archdsl.diagram.svg import SHARES, attribute, written
from archdsl.network import Network
from archdsl.recipe.yaml_text import flat
from archdsl.runs.chart import curve, figure
from archdsl.runs.comparison import value_text
from archdsl.runs.evaluation import Evaluation
from archdsl.runs.metrics import EpochMetrics
from archdsl.runs.page import Raw, charts, folded, page, preformatted, section, table
from archdsl.runs.summary import (
    RunSummary,
    accuracy_of,
    accuracy_text,
    epochs_text,
    evaluated_part,
    loss_of,
    time_text,
    when_text,
)

MOST_CLASSES = 30
"""Of more classes, the confusion matrix would be too large to be read; the most frequent confusions are told."""

_MOST_CONFUSIONS = 20


class Evaluated(NamedTuple):
    """What the kept weights give on the images of a part of the data, "test" or "validation".

    classes: their names. pictures: the images most wrong, as PNG, in the order of the evaluation's `worst`.
    pixels: the larger side of a picture.
    """

    part: str
    evaluation: Evaluation
    classes: tuple[str, ...]
    pictures: tuple[bytes, ...]
    pixels: int


class RunReport(NamedTuple):
    """All that the page tells.

    network: None where the spec has errors now. drawing: its diagram as SVG, where it is not too large to be drawn.
    spec: the texts of the spec and of what it imports, by name. not_evaluated: why there is no evaluation.
    """

    summary: RunSummary
    epochs: tuple[EpochMetrics, ...]
    network: Network | None
    drawing: str | None
    spec: Mapping[str, str]
    recipe: str
    environment: Mapping[str, Any]
    evaluated: Evaluated | None
    not_evaluated: str


def report_page(report: RunReport) -> str:
    """The page."""
    summary = report.summary
    environment = report.environment
    lines = [
        f"{summary.network or 'a network'} on {summary.data or 'images'}, {summary.status} after "
        f"{epochs_text(summary)} epochs",
        f"started {when_text(summary.started)}, on {environment.get('device_name') or environment.get('device', '-')}",
    ]
    if summary.problem is not None:
        lines.append(summary.problem)
    body = [
        *facts(report),
        *section(
            "How it went",
            charts(figures(report.epochs)),
            "Point at a figure, or go by the arrow keys, to read the values of an epoch. Those of training are "
            "means over the epoch, with dropout and augmentation; the others are taken after it.",
        ),
        *evaluation_sections(report),
        *section("Network", network_lines(report)),
        *section("Recipe and environment", made_of_lines(report)),
        *section(
            "Metrics",
            folded(f"of {len(report.epochs):,} epochs", metrics_table(report.epochs)) if report.epochs else [],
        ),
    ]
    return page(summary.name, lines, body)


def facts(report: RunReport) -> list[str]:
    """The numbers that one looks for first."""
    summary, network = report.summary, report.network
    found: list[tuple[str, str]] = []
    if summary.test_accuracy is not None:
        found.append(("test accuracy", accuracy_text(summary.test_accuracy)))
    if summary.best is not None and (summary.evaluated_on == "validation" or summary.test_accuracy is None):
        found.append((f"best {summary.evaluated_on} accuracy", accuracy_text(summary.best)))
    if report.evaluated is not None:
        evaluation = report.evaluated.evaluation
        if evaluation.top5_accuracy is not None:
            found.append((f"{report.evaluated.part} top-5 accuracy", accuracy_text(evaluation.top5_accuracy)))
        found.append(("calibration error", accuracy_text(evaluation.calibration_error)))
    found.append(("epochs", epochs_text(summary)))
    if summary.epochs_done:
        found.append(("time", time_text(summary.seconds)))
    if summary.images_per_second is not None:
        found.append(("images per second", f"{summary.images_per_second:,.0f}"))
    if network is not None:
        found.append(("parameters", f"{network.cost.parameters:,}"))
    return [
        "<section>",
        '<dl class="facts">',
        *(f"<div><dt>{written(name)}</dt><dd>{written(text)}</dd></div>" for name, text in found),
        "</dl>",
        "</section>",
    ]


def figures(epochs: Sequence[EpochMetrics]) -> list[list[str]]:
    part = evaluated_part(epochs)
    return [
        figure(
            "loss",
            [
                curve("training", [(each.epoch, each.train_loss) for each in epochs], 0, True),
                curve(part, [(each.epoch, loss_of(each, part)) for each in epochs], 1),
            ],
        ),
        figure(
            "accuracy",
            [
                curve("training", [(each.epoch, each.train_accuracy) for each in epochs], 0, True),
                curve(part, [(each.epoch, accuracy_of(each, part)) for each in epochs], 1),
            ],
        ),
        figure("learning rate", [curve("at the epoch's end", [(each.epoch, each.lr) for each in epochs], 2)]),
    ]


def evaluation_sections(report: RunReport) -> list[str]:
    """What the kept weights get right and wrong."""
    evaluated = report.evaluated
    if evaluated is None:
        return section("Mistakes", [f"<p>{written(report.not_evaluated)}</p>"])
    evaluation, images = evaluated.evaluation, f"{evaluated.part} images"
    count = len(evaluated.classes)
    few = count <= MOST_CLASSES
    return [
        *section(
            "Mistakes",
            [
                '<div class="beside">',
                "<div>",
                "<h3>Confusions</h3>",
                *(confusion_table(evaluated) if few else confusion_list(evaluated)),
                "</div>",
                "<div>",
                "<h3>Classes</h3>",
                *(class_table(evaluated) if few else folded(f"all {count:,}", class_table(evaluated))),
                "</div>",
                "</div>",
            ],
            f"Of the weights that are kept, on {evaluation.images:,} {images}: accuracy {evaluation.accuracy:.4f}, "
            f"loss {evaluation.loss:.4f}."
            + (
                " A row has the images of a class, by the classes that they were taken for; the more of them, the "
                "stronger the color."
                if few
                else ""
            ),
        ),
        *section(
            "Most wrong",
            picture_list(evaluated),
            "Images whose own class was held for least probable. With each: its class, the class that it was taken "
            "for, and the probability of that.",
        ),
    ]


def confusion_table(evaluated: Evaluated) -> list[str]:
    names = evaluated.classes
    heads = "".join(f'<th scope="col"><span>{written(name)}</span></th>' for name in names)
    lines = [
        '<div class="wide" tabindex="0">',
        '<table class="confusion" aria-label="confusion matrix: rows by class, columns by what images were taken for">',
        f"<thead><tr><th></th>{heads}</tr></thead>",
        "<tbody>",
    ]
    for label, counts in enumerate(evaluated.evaluation.confusion):
        cells = []
        for predicted, count in enumerate(counts):
            if predicted == label:
                cells.append(f'<td class="right">{count:,}</td>')
            else:
                level = level_of(count, sum(counts))
                cells.append(f'<td class="s{level}">{f"{count:,}" if count else ""}</td>')
        lines.append(f'<tr><th scope="row">{written(names[label])}</th>{"".join(cells)}</tr>')
    return [*lines, "</tbody></table></div>"]


def level_of(count: int, whole: int) -> int:
    """The shade of a cell by its part of the row: 0 for none."""
    return 1 + sum(count >= share * whole for share in SHARES) if count else 0


def confusion_list(evaluated: Evaluated) -> list[str]:
    """The most frequent confusions."""
    names, evaluation = evaluated.classes, evaluated.evaluation
    if not evaluation.confusions:
        return ["<p>No image was taken for one of another class.</p>"]
    cells = [
        [names[label], names[predicted], f"{images:,}", f"{images / sum(evaluation.confusion[label]):.3f}"]
        for images, label, predicted in evaluation.confusions[:_MOST_CONFUSIONS]
    ]
    head = ["class", "taken for", "images", "part of the class"]
    return table(head, cells, (2, 3), label="the most frequent confusions")


def class_table(evaluated: Evaluated) -> list[str]:
    cells = [
        [name, f"{scores.images:,}", *map(accuracy_text, (scores.precision, scores.recall, scores.f1))]
        for name, scores in zip(evaluated.classes, evaluated.evaluation.classes, strict=True)
    ]
    return table(["class", "images", "precision", "recall", "F1"], cells, range(1, 5), label="classes")


def picture_list(evaluated: Evaluated) -> list[str]:
    """The images most wrong, with what is told of each; nothing where all are right."""
    if not evaluated.pictures:
        return []
    names = evaluated.classes
    shown = ' class="small"' if evaluated.pixels <= 64 else ""
    items = []
    for mistake, picture in zip(evaluated.evaluation.worst, evaluated.pictures, strict=True):
        label, predicted = names[mistake.label], names[mistake.predicted]
        about = attribute(f"{mistake.file or f'image {mistake.image}'} of class {label}, taken for {predicted}")
        source = f"data:image/png;base64,{b64encode(picture).decode()}"
        items.append(
            f'<li><img{shown} src="{source}" alt={about} title={about}>{written(label)}, '
            f"taken for <b>{written(predicted)}</b> ({mistake.probability:.2f})</li>"
        )
    return ['<ul class="pictures">', *items, "</ul>"]


def network_lines(report: RunReport) -> list[str]:
    """The diagram, the table of layers and the text of the spec."""
    network = report.network
    if network is None:
        return ["<p>The spec has errors in this release of archdsl; its text is kept.</p>", *spec_lines(report)]
    cost = f"{network.cost.parameters:,} parameters, {network.cost.macs:,} multiply-adds for one sample"
    lines = [f"<p>{network.input} gives {network.output}, in {layers(network)}: {cost}.</p>"]
    if report.drawing is not None:
        source = b64encode(report.drawing.encode("utf-8")).decode()
        alt = attribute(f"diagram of {network.name}; the table below has its layers")
        lines += folded(
            "Diagram",
            [
                '<div class="picture-of-network" tabindex="0">',
                f'<img src="data:image/svg+xml;base64,{source}" alt={alt}>',
                "</div>",
            ],
            is_open=True,
        )
    cells = [
        [
            each.where,
            Raw(f'<span class="code">{written(each.text.rstrip())}</span>'),
            str(each.output),
            number(each.parameters),
            number(each.macs),
        ]
        for each in rows(network)
    ]
    listed = table(
        ["line", "layer", "output", "parameters", "multiply-adds"], cells, (3, 4), headed=False, label="layers"
    )
    return [*lines, *folded("Layers", listed), *spec_lines(report)]


def spec_lines(report: RunReport) -> list[str]:
    return [line for name, text in report.spec.items() for line in folded(name, preformatted(text))]


def made_of_lines(report: RunReport) -> list[str]:
    environment = {key: value for key, value in flat(report.environment).items() if key != "command"}
    command = report.environment.get("command")
    words = ""
    if isinstance(command, list) and command[:1] in (["train"], ["sweep"]):  # And not a program that calls us.
        words = shlex.join(map(str, command))
    cells = [[key, value_text(value)] for key, value in environment.items()]
    return [
        *(preformatted(f"archdsl {words}", wrapped=True) if words else []),
        '<div class="beside">',
        "<div>",
        "<h3>Recipe</h3>",
        *preformatted(report.recipe),
        "</div>",
        "<div>",
        "<h3>Environment</h3>",
        *table(["", ""], cells, label="environment"),
        "</div>",
        "</div>",
    ]


def metrics_table(epochs: Sequence[EpochMetrics]) -> list[str]:
    """All metrics, but columns that are empty."""
    names = [name for name in EpochMetrics._fields if any(getattr(each, name) is not None for each in epochs)]
    cells = [[metric_text(name, getattr(each, name)) for name in names] for each in epochs]
    return table([name.replace("_", " ") for name in names], cells, range(len(names)), label="metrics of each epoch")


def metric_text(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    return (
        f"{value:.6g}"
        if name == "lr"
        else f"{value:,.1f}"
        if name in ("seconds", "images_per_second")
        else f"{value:.4f}"
    )
