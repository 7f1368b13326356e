"""A line for each finding, as grep prints and editors read: `file:line:column: error[code]: message`."""

from __future__ import annotations

from archdsl.diagnostics.diagnostic import Diagnostic
from archdsl.diagnostics.render import visible
from archdsl.formats.report import Counts, Result, place_of


class Concise:
    """The format `concise`. What is fine has no line."""

    def file(self, result: Result) -> str:
        return "\n".join(map(_line, result.findings))

    def end(self, counts: Counts) -> str:
        return ""


def _line(diagnostic: Diagnostic) -> str:
    place = place_of(diagnostic.primary.span)
    where = "archdsl" if place.file is None else visible(place.file)
    if place.line is not None:
        where += f":{place.line}:{place.column}"
    return f"{where}: {diagnostic.severity}[{diagnostic.code}]: {visible(diagnostic.message)}"
