"""`archdsl compare`: runs side by side."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from archdsl.backends.table import aligned
from archdsl.checker.session import interpreter_for_checks
from archdsl.commands.output import refuse, refuse_file, write, wrong_page
from archdsl.diagnostics.render import visible
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_FINE
from archdsl.formats.json import written
from archdsl.runs.chart import sparkline
from archdsl.runs.compare_page import compare_page
from archdsl.runs.comparison import (
    Side,
    differences,
    document_of,
    named_apart,
    network_lines,
    results,
    side_of,
    value_text,
)
from archdsl.runs.folder import RunFolder
from archdsl.runs.folder import runs as runs_in
from archdsl.runs.sweep import is_beside_runs
from archdsl.writer import write_bytes


def compare(runs: Sequence[str], *, output: str | None = None, format: str = "text") -> int:
    """Tell how runs differ, in what they were made of and in what they came to.

    Args:
        runs: two or more folders of runs; of a sweep's folder, files beside the runs are passed over.
        output: the page to write, in HTML.
        format: what is printed, "text" or "json".

    Returns:
        0; 2 on wrong use, or where a run can't be read or the page not be written.
    """
    runs = [run for run in runs if not is_beside_runs(run)]
    if len(runs) < 2:
        inside = runs_in(Path(runs[0])) if len(runs) == 1 else []
        first = visible(str(inside[0].path)) if len(inside) > 1 else None
        hint = f"; there are {len(inside)} in {visible(runs[0])}: name them, as {first}" if first else ""
        return refuse(f"compare takes two runs or more{hint}")
    if output is not None and (wrong := wrong_page(output)) is not None:
        return refuse(wrong)
    try:
        with interpreter_for_checks():
            sides = named_apart([side_of(RunFolder.open(Path(run))) for run in runs])
            text = written(document_of(sides), indent=2) if format == "json" else "\n".join(lines_of(sides))
            made = None if output is None else compare_page(sides)
    except TrainingError as error:
        return refuse(str(error))
    write(text)
    if output is not None and made is not None:
        try:
            write_bytes(Path(output), made.encode("utf-8"))
        except (OSError, ValueError) as error:
            return refuse_file(output, error)
        if format == "text":
            write(f"the curves are in {visible(output)}")
    return EXIT_FINE


def lines_of(sides: Sequence[Side]) -> list[str]:
    """Tables for people: what differs, what the runs came to, and their curves."""
    names = [visible(each.name) for each in sides]
    left = "<" * (len(names) + 1)
    changes = ("network", "", *network_lines(sides))
    made_of = [(visible(row.key), *(visible(value_text(value)) for value in row.values)) for row in differences(sides)]
    quantities = [("accuracy", "accuracy"), ("loss", "loss"), ("training loss", "train_loss")]
    curves = [(name, *(line_of(each, quantity) for each in sides)) for name, quantity in quantities]
    return [
        *aligned([("what differs", *names), changes, *made_of], left),
        "",
        *aligned([("results", *names), *((name, *texts) for name, texts in results(sides)), *curves], left),
    ]


def line_of(side: Side, quantity: str) -> str:
    """The curve of a quantity as a line of blocks, or of letters where there are no blocks."""
    line = sparkline(value for _, value in side.values(quantity))
    try:
        line.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return line.translate(str.maketrans("▁▂▃▄▅▆▇█", "_.-~=+*#"))
    return line or "-"
