"""A sweep: runs that differ by a few keys of their recipe, each in a folder of its own in the sweep's folder.

sweep.json             the plan: the network, and the recipe of each point
optimizer.lr=0.01/     the run of a point, as any other
run.lock, in_use.txt   held by the process that works on the sweep, and which it is
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from archdsl.api import Checked, check
from archdsl.backends.table import aligned
from archdsl.diagnostics.render import printable
from archdsl.errors import TrainingError
from archdsl.runs.comparison import value_text
from archdsl.runs.folder import SPEC, RunFolder
from archdsl.runs.summary import FINISHED, RunSummary, accuracy_text, epochs_text, summary_of, time_text
from archdsl.weights.errors import WeightsError
from archdsl.weights.files import Origin, origin_in

PLAN = "sweep.json"
VERSION = 1

NOT_BEGUN = "not begun"


class Point(NamedTuple):
    """One run of a sweep: the name of its folder, its values of the keys that are swept, and its whole recipe."""

    name: str
    values: Mapping[str, Any]
    recipe: Mapping[str, Any]


class Start(NamedTuple):
    """The weights that each point starts from: their file, its SHA-256, and the modules that are not taken from it."""

    file: str
    sha256: str
    leave_out: tuple[str, ...]

    def __str__(self) -> str:
        left_out = "".join(f" --except {module}" for module in self.leave_out)
        return printable(f"{self.file} (SHA-256 {self.sha256[:8]}){left_out}")


class Plan(NamedTuple):
    """What a sweep is to do.

    network: what it was made of, as a checkpoint keeps it; see `network_facts`. start: None where weights are drawn.
    """

    network: Mapping[str, Any]
    points: tuple[Point, ...]
    start: Start | None = None

    def check(self, folder: Path) -> Checked:
        """The network checked anew, by what the plan keeps alone."""
        origin = Origin(**self.network)
        source, unreadable = origin.source(folder / PLAN)
        if unreadable:
            return Checked(source, None, tuple(unreadable))
        return check(source, origin.input, origin.settings)


class Row(NamedTuple):
    """What a point came to: None where its run has not begun."""

    point: Point
    summary: RunSummary | None

    def accuracy(self, part: str) -> float | None:
        """That of the weights that were kept, on the images of a part, of a run that is finished."""
        if self.summary is None or self.summary.status != FINISHED:
            return None
        return self.summary.best if part == "validation" else self.summary.test_accuracy


class Table(NamedTuple):
    """The points of a sweep, the best first, those without an accuracy last.

    part: by which images they are ranked, "validation" or "test".
    """

    folder: str
    part: str
    rows: tuple[Row, ...]


def read_plan(folder: RunFolder) -> Plan:
    """The plan of a sweep. Raises TrainingError where a folder is not that of a sweep, or its plan is damaged."""
    if not (folder.path / PLAN).is_file():
        if not folder.path.exists():
            raise TrainingError(f"{folder}: no such folder")
        raise TrainingError(f"{folder}: not the folder of a sweep: there is no {PLAN} in it")
    content, name = folder.read_json(PLAN), printable(str(folder.path / PLAN))
    try:
        origin = origin_in(content["network"], name)
        points = tuple(Point(each["name"], dict(each["values"]), dict(each["recipe"])) for each in content["points"])
        start = _start_in(content)
    except WeightsError as error:
        raise TrainingError(str(error)) from None
    except (KeyError, TypeError, ValueError):
        points, start = (), None
    # A name becomes a path.
    if not points or not all(isinstance(each.name, str) and each.name == safe(each.name) for each in points):
        raise TrainingError(f"{name}: damaged: not a plan as archdsl writes it")
    facts = origin._asdict()
    return Plan({key: facts[key] for key in ("spec", "files", "input", "settings")}, points, start)


def _start_in(content: Mapping[str, Any]) -> Start | None:
    """The weights in what a plan's file holds. Raises KeyError or TypeError where they are damaged."""
    if (start := content.get("start")) is None:
        return None
    found = Start(start["file"], start["sha256"], tuple(start["leave_out"]))
    if not all(isinstance(each, str) for each in (*found[:2], *found.leave_out)):
        raise TypeError
    return found


def write_plan(folder: RunFolder, plan: Plan) -> None:
    """Raises OSError."""
    points = [each._asdict() for each in plan.points]
    start = None if plan.start is None else plan.start._asdict()
    folder.write_json(PLAN, {"version": VERSION, "network": dict(plan.network), "points": points, "start": start})


def safe(name: str) -> str:
    """A name as that of a folder: of the characters that every system allows, and not too long."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "_.,=+-") else "_" for c in name)
    return kept[:150].lstrip(".") or "point"


def table_of(folder: RunFolder, plan: Plan) -> Table:
    """What the points came to."""
    rows = []
    for point in plan.points:
        run = RunFolder(folder.path / point.name)
        rows.append(Row(point, summary_of(run) if (run.path / SPEC).exists() else None))
    finished = [row.summary for row in rows if row.summary is not None and row.summary.status == FINISHED]
    part = "validation" if all(each.evaluated_on == "validation" for each in finished) and finished else "test"

    def rank(row: Row) -> float:
        accuracy = row.accuracy(part)
        return -1.0 if accuracy is None else accuracy

    return Table(str(folder), part, tuple(sorted(rows, key=rank, reverse=True)))


def lines_of(table: Table) -> list[str]:
    """The table for people, and what to know of it."""
    keys = list(table.rows[0].point.values)
    has_test = table.part == "validation"
    cells = [(*keys, "status", "epochs", table.part, *(["test"] if has_test else []), "time")]
    for row in table.rows:
        found = row.summary or RunSummary(row.point.name, NOT_BEGUN)
        cells.append(
            (
                *(printable(value_text(value)) for value in row.point.values.values()),
                found.status,
                "-" if row.summary is None else epochs_text(found),
                accuracy_text(row.accuracy(table.part)),
                *([accuracy_text(row.accuracy("test"))] if has_test else []),
                time_text(found.seconds) if found.epochs_done else "-",
            )
        )
    lines = aligned(cells, "<" * len(keys) + "<>>" + ">" * has_test + ">")
    lines += [row.summary.problem for row in table.rows if row.summary is not None and row.summary.problem is not None]
    best = table.rows[0]
    if best.accuracy(table.part) is not None:
        lines.append(f"the best is in {printable(f'{table.folder}/{best.point.name}')}/")
        if table.part == "test":
            lines.append(
                "ranked by the test images, which are then what one tunes on; --set-recipe data.validation=N holds "
                "others back to choose by"
            )
    return lines


def document_of(table: Table) -> dict[str, Any]:
    """The table for programs."""
    return {
        "version": VERSION,
        "sweep": table.folder,
        "ranked_by": table.part,
        "points": [
            {
                "values": dict(row.point.values),
                "accuracy": row.accuracy(table.part),
                **(row.summary or RunSummary(f"{table.folder}/{row.point.name}", NOT_BEGUN))._asdict(),
            }
            for row in table.rows
        ],
    }


def over_text(plan: Plan) -> str:
    """What is swept, as on the command line: "optimizer.lr=0.01,0.1 batch_size=32,64"."""
    return " ".join(
        f"{key}={','.join(dict.fromkeys(value_text(point.values.get(key)) for point in plan.points))}"
        for key in plan.points[0].values
    )


def is_beside_runs(name: str) -> bool:
    """Whether a path is a file of a sweep's folder, which `SWEEP/*` names beside its runs."""
    path = Path(name)
    return path.is_file() and (path.parent / PLAN).is_file()


def names_of(values: Sequence[Mapping[str, Any]]) -> list[str]:
    """A name for each point, by its values; no two are the same, even where case does not count."""
    names: list[str] = []
    taken: set[str] = set()
    for each in values:
        name = first = safe(",".join(f"{key}={value_text(value)}" for key, value in each.items()))
        number = 2
        while name.lower() in taken:
            name, number = f"{first[:140]}-{number}", number + 1
        taken.add(name.lower())
        names.append(name)
    return names
