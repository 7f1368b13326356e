"""Runs side by side: what differs in what they were made of, and what they came to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from archdsl.network import Network
from archdsl.recipe.yaml_text import flat
from archdsl.runs.folder import RunFolder
from archdsl.runs.metrics import EpochMetrics
from archdsl.runs.summary import (
    RunSummary,
    accuracy_of,
    accuracy_text,
    epochs_text,
    evaluated_part,
    loss_of,
    summary_of,
    time_text,
    values_of,
    when_text,
)

ABSENT = object()
"""The value of a key that a run does not have."""

_NOT_COMPARED = {"started", "command"}
"""What of an environment is another in every run."""


class Side(NamedTuple):
    """One run of a comparison. network: None where its spec has errors now."""

    name: str
    summary: RunSummary
    epochs: tuple[EpochMetrics, ...]
    made_of: dict[str, Any]
    network: Network | None

    @property
    def part(self) -> str:
        return evaluated_part(self.epochs)

    def values(self, quantity: str) -> list[tuple[int, float | None]]:
        """A quantity of each epoch: a field of the metrics, or "loss" and "accuracy" of the images evaluated on."""
        if quantity == "loss":
            return [(each.epoch, loss_of(each, self.part)) for each in self.epochs]
        if quantity == "accuracy":
            return [(each.epoch, accuracy_of(each, self.part)) for each in self.epochs]
        return [(each.epoch, getattr(each, quantity)) for each in self.epochs]


class Difference(NamedTuple):
    """A fact that is not the same in all runs: its name, and its value in each, or ABSENT."""

    key: str
    values: tuple[Any, ...]


def side_of(run: RunFolder) -> Side:
    """A run as it is compared. Raises TrainingError where a file of it can't be read."""
    origin = run.origin()
    environment = {key: value for key, value in run.environment().items() if key not in _NOT_COMPARED}
    made_of: dict[str, Any] = {
        "spec": origin.spec,
        "input": origin.input,
        **{f"--set {name}": value for name, value in origin.settings.items()},
        **flat(values_of(run)),
        **flat(environment),
    }
    return Side(run.path.name or str(run), summary_of(run), tuple(run.metrics()), made_of, run.check().network)


def named_apart(sides: Sequence[Side]) -> list[Side]:
    """The runs with names that differ: those of their folders, or of the whole paths where these are alike."""
    names = [each.name for each in sides]
    return [each if names.count(each.name) == 1 else each._replace(name=each.summary.name) for each in sides]


def differences(sides: Sequence[Side]) -> list[Difference]:
    """What the runs were made of, as far as it is not the same in all."""
    keys = dict.fromkeys(key for each in sides for key in each.made_of)
    rows = [Difference(key, tuple(each.made_of.get(key, ABSENT) for each in sides)) for key in keys]
    return [row for row in rows if any(value != row.values[0] for value in row.values[1:])]


def network_lines(sides: Sequence[Side]) -> list[str]:
    """How the networks differ from that of the first run, one after the other: "same", "2 changes"."""
    from archdsl.compare.compare import compare

    first = sides[0].network
    lines = []
    for each in sides[1:]:
        if first is None or each.network is None:
            lines.append("can't be compared")
            continue
        found = compare(first, each.network)
        count = len(found.changes)
        words = f"{count} change{'s' if count != 1 else ''}" if count else "other labels" if found.other_keys else ""
        words = words or ("another input" if not found.equal else "the same")
        lines.append(words)
    return lines


def results(sides: Sequence[Side]) -> list[tuple[str, list[str]]]:
    """What the runs came to: a fact by its name, and its text for each run."""

    def row(name: str, texts: Iterable[str]) -> tuple[str, list[str]]:
        return name, list(texts)

    summaries = [each.summary for each in sides]
    parts = {each.part for each in sides}
    alike = len(parts) == 1
    what = f"{sides[0].part} accuracy" if alike else "accuracy"
    rows = [
        row("status", (each.status for each in summaries)),
        row("epochs", map(epochs_text, summaries)),
        *([] if alike else [row("accuracy and loss are on", (f"{each.part} images" for each in sides))]),
        row(f"best {what}", (best_text(each) for each in summaries)),
        row(f"last {what}", (accuracy_text(each.last) for each in summaries)),
        row("test accuracy of what is kept", (accuracy_text(each.test_accuracy) for each in summaries)),
        row("last training loss", (loss_text(each.epochs) for each in sides)),
        row("time", (time_text(each.seconds) if each.epochs_done else "-" for each in summaries)),
        row(
            "images/s",
            ("-" if each.images_per_second is None else f"{each.images_per_second:,.0f}" for each in summaries),
        ),
        row("parameters", ("-" if each.network is None else f"{each.network.cost.parameters:,}" for each in sides)),
        row("multiply-adds", ("-" if each.network is None else f"{each.network.cost.macs:,}" for each in sides)),
        row("started", (when_text(each.started) for each in summaries)),
    ]
    return [each for each in rows if any(text != "-" for text in each[1])]


def best_text(summary: RunSummary) -> str:
    return accuracy_text(summary.best) + (f" in epoch {summary.best_epoch}" if summary.best_epoch is not None else "")


def loss_text(epochs: Sequence[EpochMetrics]) -> str:
    return f"{epochs[-1].train_loss:.4f}" if epochs else "-"


def value_text(value: Any) -> str:
    """A value as a recipe has it."""
    if value is ABSENT:
        return "-"
    return value if isinstance(value, str) else json.dumps(value)


def document_of(sides: Sequence[Side]) -> dict[str, Any]:
    """The comparison for programs."""
    return {
        "version": 1,
        "runs": [
            {
                **each.summary._asdict(),
                "parameters": None if each.network is None else each.network.cost.parameters,
                "multiply_adds": None if each.network is None else each.network.cost.macs,
                "metrics": [metrics._asdict() for metrics in each.epochs],
            }
            for each in sides
        ],
        "differences": [
            {"key": row.key, "values": [None if value is ABSENT else value for value in row.values]}
            for row in differences(sides)
        ],
        "networks": ["the same", *network_lines(sides)],
    }
