"""Workflow commands of GitHub Actions, which show each finding beside its line in a pull request.

The syntax and its escapes are those of the command module of GitHub's own toolkit (`@actions/core`).
"""

from __future__ import annotations

from archdsl.diagnostics.diagnostic import Diagnostic
from archdsl.diagnostics.render import visible, without_brackets
from archdsl.formats.report import Counts, Result, place_of


class GitHub:
    """The format `github`. What is fine has no line."""

    def file(self, result: Result) -> str:
        return "\n".join(map(_command, result.findings))

    def end(self, counts: Counts) -> str:
        return ""


def _command(diagnostic: Diagnostic) -> str:
    place = place_of(diagnostic.primary.span)
    properties: dict[str, str | int | None] = {"title": f"archdsl {diagnostic.code}", "file": place.file}
    properties |= {"line": place.line, "endLine": place.end_line}
    if place.line == place.end_line:
        # GitHub refuses columns of a place of several lines.
        properties |= {"col": place.column, "endColumn": place.end_column}
    given = ",".join(f"{name}={_in_property(str(value))}" for name, value in properties.items() if value is not None)
    lines = [diagnostic.message, *(f"note: {note}" for note in diagnostic.notes)]
    lines += [f"help: {help}" for help in diagnostic.help]
    return f"::{diagnostic.severity} {given}::{_in_message(lines)}"


def _in_message(lines: list[str]) -> str:
    return "%0A".join(without_brackets(visible(line)).replace("%", "%25") for line in lines)


def _in_property(text: str) -> str:
    return without_brackets(visible(text)).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
