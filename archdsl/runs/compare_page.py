"""Runs side by side as a page: what they came to, what differs, and their curves in the same axes."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.runs.chart import curve, figure
from archdsl.runs.comparison import Side, differences, network_lines, results, value_text
from archdsl.runs.page import charts, page, section, table


def compare_page(sides: Sequence[Side]) -> str:
    """The page. The first run is the one that the networks of the others are compared with."""
    names = [each.name for each in sides]
    numbers = range(1, len(sides) + 1)
    changes = [["network", "", *network_lines(sides)]]
    made_of = [[row.key, *map(value_text, row.values)] for row in differences(sides)]
    body = [
        *section("Results", table(["", *names], [[name, *texts] for name, texts in results(sides)], numbers)),
        *section("What differs", table(["", *names], [*changes, *made_of]), "Of networks, recipes and machines."),
        *section("Curves", charts(figures(sides)), "Point at a curve, or go by the arrow keys, to read its values."),
    ]
    return page(" and ".join(names) if len(names) == 2 else f"{len(names)} runs", lines_of(sides), body)


def lines_of(sides: Sequence[Side]) -> list[str]:
    return [f"{each.name}: {each.summary.network or '-'} on {each.summary.data or '-'}" for each in sides]


def figures(sides: Sequence[Side]) -> list[list[str]]:
    """A figure for each quantity, with a curve for each run."""
    parts = sorted({each.part for each in sides})
    evaluated = " or ".join(parts)
    quantities = (
        (f"{evaluated} accuracy", "accuracy"),
        (f"{evaluated} loss", "loss"),
        ("training accuracy", "train_accuracy"),
        ("training loss", "train_loss"),
        ("learning rate", "lr"),
        ("images per second", "images_per_second"),
    )
    return [
        figure(title, [curve(each.name, each.values(quantity), i) for i, each in enumerate(sides)])
        for title, quantity in quantities
    ]
