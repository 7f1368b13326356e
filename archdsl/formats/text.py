"""For people: diagnostics as they are rendered, the table of each network, a line for each file and for all."""

from __future__ import annotations

from archdsl.backends.table import open_summary, summary
from archdsl.diagnostics.catalog.entry import plural
from archdsl.diagnostics.render import render, visible
from archdsl.formats.report import Counts, Result


class Text:
    """The format `text`. With `quiet`, a line a file instead of the table."""

    def __init__(self, color: bool = False, quiet: bool = False) -> None:
        self.color = color
        self.quiet = quiet
        self.is_first = True

    def file(self, result: Result) -> str:
        checked = result.checked
        parts = [] if self.is_first or self.quiet else [""]
        self.is_first = False
        if checked.diagnostics:
            parts += [render(checked.diagnostics, self.color), ""]
        if result.file is None:
            return "\n".join(parts[:-1])
        name = visible(result.file)
        if checked.errors:
            parts.append(f"{name}: {plural(len(checked.errors), 'error')}")
            return "\n".join(parts)
        fine = "fine" + (f", {plural(len(checked.warnings), 'warning')}" if checked.warnings else "")
        title = f"{name}: {fine}" if checked.warnings else name
        if checked.network is not None and self.quiet:
            parts.append(f"{name}: {fine}, {checked.network.input} gives {checked.network.output}")
        elif checked.network is not None:
            parts += [title, summary(checked.network)]
        elif checked.sizes is not None and self.quiet:
            least = checked.sizes.least()
            at_least = "" if least is None else f", and needs at least {checked.sizes.open.at(least)}"
            parts.append(f"{name}: {fine}, takes {checked.sizes.open}{at_least}")
        elif checked.sizes is not None:
            parts += [title, open_summary(checked.sizes)]
        else:
            blocks = ", ".join(checked.library or ())
            parts.append(f"{name}: {fine}, definitions alone{': ' + blocks if blocks else ''}")
        return "\n".join(parts)

    def end(self, counts: Counts) -> str:
        if counts.files < 2:
            return ""
        kinds = [
            (counts.fine, "fine"),
            (counts.with_errors, "with errors"),
            (counts.unreadable, "unreadable"),
        ]
        told = f"{counts.files:,} files: " + ", ".join(f"{count:,} {kind}" for count, kind in kinds if count)
        return told if self.quiet else f"\n{told}"
