"""`archdsl runs`: the list of runs."""

from __future__ import annotations

from pathlib import Path

from archdsl.backends.table import aligned
from archdsl.commands.output import refuse, write
from archdsl.diagnostics.render import visible
from archdsl.exit_codes import EXIT_FINE
from archdsl.formats.json import written
from archdsl.runs.folder import runs as runs_in
from archdsl.runs.summary import RunSummary, accuracy_text, epochs_text, summary_of, time_text, when_text

VERSION = 1


def runs(folder: str = "runs", *, format: str = "text") -> int:
    """List the runs in a folder and below it.

    Args:
        format: "text" or "json".

    Returns:
        0; 2 where there is no such folder.
    """
    if not Path(folder).is_dir():
        if Path(folder).exists():
            return refuse(f"{visible(folder)}: a file, and no folder")
        hint = "; `archdsl train` makes it, with a run in it" if folder == "runs" else ""
        return refuse(f"{visible(folder)}: there is no such folder{hint}")
    found = [summary_of(run) for run in runs_in(Path(folder))]
    if format == "json":
        write(written({"version": VERSION, "runs": [each._asdict() for each in found]}, indent=2))
    elif not found:
        write(f"there are no runs in {visible(folder)}")
    else:
        write("\n".join(text_of(found)))
    return EXIT_FINE


def text_of(found: list[RunSummary]) -> list[str]:
    """A table with a row for each run, and what is wrong with failed and damaged ones below it."""
    cells = [("run", "network", "data", "status", "epochs", "accuracy", "best", "last", "time", "started")]
    cells += [
        (
            visible(each.name),
            visible(each.network or "-"),
            visible(each.data or "-"),
            each.status,
            epochs_text(each),
            each.evaluated_on or "-",
            accuracy_text(each.best),
            accuracy_text(each.last),
            time_text(each.seconds) if each.epochs_done else "-",
            when_text(each.started),
        )
        for each in found
    ]
    return [*aligned(cells, "<<<<><>>><"), *(each.problem for each in found if each.problem is not None)]
