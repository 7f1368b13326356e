"""SARIF 2.1.0, the exchange format of static checkers (OASIS 2020), which code scanning services and editors read.

A result is a finding in a file; what is wrong with the options is a notification of the invocation. Plain messages
keep their braces single: the standard doubles them, and no consumer that we know of undoes that in a message without
arguments.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from archdsl.diagnostics.catalog import CATALOG
from archdsl.diagnostics.diagnostic import Diagnostic, Fix, Label, Step
from archdsl.diagnostics.render import visible
from archdsl.formats.json import written
from archdsl.formats.report import Counts, Place, Result, place_of
from archdsl.source import Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

ROOT = "%SRCROOT%"
"""How SARIF calls the folder that relative paths start from: that in which archdsl runs."""


class Sarif:
    """The format `sarif`: one log of one run, printed in the end. Its rules are the codes that were found."""

    def __init__(self) -> None:
        self.results: list[dict[str, Any]] = []
        self.notifications: list[dict[str, Any]] = []
        self.rules: dict[str, int] = {}

    def file(self, result: Result) -> str:
        for diagnostic in result.findings:
            if place_of(diagnostic.primary.span).file is None:
                self.notifications.append(_notification(diagnostic))
            else:
                index = self.rules.setdefault(diagnostic.code, len(self.rules))
                self.results.append(_result(diagnostic, index))
        return ""

    def end(self, counts: Counts) -> str:
        invocation: dict[str, Any] = {"executionSuccessful": not (counts.unreadable or self.notifications)}
        if self.notifications:
            invocation["toolConfigurationNotifications"] = self.notifications
        driver = {"name": "archdsl", "version": version("archdsl"), "rules": [_rule(code) for code in self.rules]}
        run = {
            "tool": {"driver": driver},
            "invocations": [invocation],
            "columnKind": "unicodeCodePoints",
            "results": self.results,
        }
        return written({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(code: str) -> dict[str, Any]:
    entry = CATALOG[code]
    page = entry.page
    return {
        "id": code,
        "shortDescription": {"text": _plain(page.summary)},
        "fullDescription": {"text": _plain(f"{page.summary}\n\n{page.explanation}".strip())},
        "help": {"text": f"archdsl explain {code}"},
        "defaultConfiguration": {"level": entry.severity},
    }


def _result(diagnostic: Diagnostic, index: int) -> dict[str, Any]:
    result = {
        "ruleId": diagnostic.code,
        "ruleIndex": index,
        "level": diagnostic.severity,
        "message": {"text": _message(diagnostic)},
        "locations": [_location(diagnostic.primary)],
    }
    if diagnostic.related:
        result["relatedLocations"] = [
            {"id": number, **_location(label)} for number, label in enumerate(diagnostic.related, 1)
        ]
    if diagnostic.trace:
        result["codeFlows"] = [{"threadFlows": [{"locations": [_step(step) for step in diagnostic.trace]}]}]
    if diagnostic.fix is not None:
        result["fixes"] = [_fix(diagnostic.fix)]
    return result


def _notification(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "descriptor": {"id": diagnostic.code},
        "level": diagnostic.severity,
        "message": {"text": _message(diagnostic)},
    }


def _message(diagnostic: Diagnostic) -> str:
    notes = [f"note: {note}" for note in diagnostic.notes]
    return _plain("\n".join([diagnostic.message, *notes, *(f"help: {help}" for help in diagnostic.help)]))


def _plain(text: str) -> str:
    """Text as a message takes it, where `[text](target)` would be a link."""
    lines = "\n".join(map(visible, text.split("\n")))
    return lines.replace("[", "\\[").replace("]", "\\]") if "](" in lines else lines


def _location(label: Label) -> dict[str, Any]:
    place = place_of(label.span)
    location: dict[str, Any] = {}
    if place.file is not None:
        physical: dict[str, Any] = {"artifactLocation": _artifact(label.span)}
        if place.line is not None:
            physical["region"] = _region(place)
        location["physicalLocation"] = physical
    if label.message:
        location["message"] = {"text": _plain(label.message)}
    return location


def _step(step: Step) -> dict[str, Any]:
    text = step.title if step.gives is None else f"{step.title} gives {step.gives}"
    return {"location": _location(Label(step.span, text)), "nestingLevel": step.depth}


def _artifact(span: Span) -> dict[str, str]:
    """A file as a URI: relative to the folder in which archdsl runs, where it is in there."""
    path = Path(span.source.name)
    if path.is_absolute():
        folder = Path.cwd()
        if not path.is_relative_to(folder):
            return {"uri": path.as_uri()}
        path = path.relative_to(folder)
    return {"uri": quote(os.fsencode(path.as_posix())), "uriBaseId": ROOT}


def _region(place: Place) -> dict[str, Any]:
    return {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    replacements = [
        {"deletedRegion": _region(place_of(edit.span)), "insertedContent": {"text": edit.text}} for edit in fix.edits
    ]
    change = {"artifactLocation": _artifact(fix.edits[0].span), "replacements": replacements}
    return {"description": {"text": _plain(fix.message)}, "artifactChanges": [change]}
