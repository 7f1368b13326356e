"""JSON for programs: one document, or a line for each finding, network and library as it is checked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from archdsl.diagnostics.diagnostic import Diagnostic, Fix, Label, Step
from archdsl.formats.report import VERSION, Counts, Result, place_of
from archdsl.network import Network
from archdsl.source import Span

if TYPE_CHECKING:
    from archdsl.input_sizes import AcceptedSizes, InputSizes, LeastInput


_LISTS = {
    "diagnostic": "diagnostics",
    "network": "networks",
    "open_network": "open_networks",
    "library": "libraries",
    "least_input": "least_inputs",
    "accepted_sizes": "accepted_sizes",
}
"""What is told of a file, and how the document calls the list of all of that kind."""


class Document:
    """The format `json`: one object, printed in the end."""

    def __init__(self) -> None:
        self.parts: dict[str, list[dict[str, Any]]] = {name: [] for name in _LISTS.values()}

    def file(self, result: Result) -> str:
        for kind, part in parts_of(result):
            self.parts[_LISTS[kind]].append(part)
        return ""

    def end(self, counts: Counts) -> str:
        return written({"version": VERSION, **self.parts, "summary": counts._asdict()}, indent=2)


class Lines:
    """The format `jsonl`: an object a line, which says in `type` what it is."""

    def file(self, result: Result) -> str:
        return "\n".join(written({"type": kind, **part}) for kind, part in parts_of(result))

    def end(self, counts: Counts) -> str:
        return written({"type": "summary", "version": VERSION, **counts._asdict()})


def written(value: Any, indent: int | None = None) -> str:
    """A value as JSON in ASCII alone, and without what a runner would obey wherever it stands: `##[error]`."""
    text = json.dumps(value, indent=indent)
    if "\\udc" in text:
        # A file's name that is no UTF-8 came in as half characters, which strict readers of JSON refuse.
        whole = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        text = json.dumps(json.loads(whole), indent=indent)
    return text.replace("##[", "##\\u005b").replace("##vso[", "##vso\\u005b")


def parts_of(result: Result) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is told of a file, each with its kind."""
    checked = result.checked
    for diagnostic in result.findings:
        yield "diagnostic", diagnostic_as_json(diagnostic)
    if result.file is None:
        return
    if result.least is not None:
        yield "least_input", least_as_json(result.file, result.least)
    if result.accepted is not None:
        yield "accepted_sizes", accepted_as_json(result.file, result.accepted)
        return
    if checked.network is not None:
        yield "network", network_as_json(result.file, checked.network)
    if checked.sizes is not None:
        yield "open_network", open_network_as_json(result.file, checked.sizes)
    if checked.library is not None:
        yield "library", {"file": result.file, "blocks": list(checked.library)}


def diagnostic_as_json(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "label": diagnostic.primary.message,
        **place_as_json(diagnostic.primary.span),
        "help": list(diagnostic.help),
        "notes": list(diagnostic.notes),
        "related": [label_as_json(label) for label in diagnostic.related],
        "fix": None if diagnostic.fix is None else fix_as_json(diagnostic.fix),
        "trace": [step_as_json(step) for step in diagnostic.trace],
    }


def label_as_json(label: Label) -> dict[str, Any]:
    return {"message": label.message, **place_as_json(label.span)}


def fix_as_json(fix: Fix) -> dict[str, Any]:
    return {
        "message": fix.message,
        "edits": [{**place_as_json(edit.span), "text": edit.text} for edit in fix.edits],
    }


def step_as_json(step: Step) -> dict[str, Any]:
    return {"title": step.title, "gives": step.gives, "depth": step.depth, **place_as_json(step.span)}


def place_as_json(span: Span) -> dict[str, Any]:
    return place_of(span)._asdict()


def network_as_json(file: str, network: Network) -> dict[str, Any]:
    return {
        "file": file,
        "input": list(network.input),
        "output": list(network.output),
        "layers": network.layer_count,
        "parameters": network.cost.parameters,
        "macs": network.cost.macs,
    }


def open_network_as_json(file: str, sizes: InputSizes) -> dict[str, Any]:
    least = sizes.least()
    return {
        "file": file,
        "input": list(sizes.open),
        "least": None if least is None else list(sizes.open.at(least)),
    }


def least_as_json(file: str, least: LeastInput) -> dict[str, Any]:
    return {
        "file": file,
        "input": None if least.input is None else list(least.input),
        "steps": [None if step is None else {"least": step[0], "step": step[1]} for step in least.steps],
    }


def accepted_as_json(file: str, accepted: AcceptedSizes) -> dict[str, Any]:
    asked = accepted.asked
    return {
        "file": file,
        "channels": asked.channels,
        "heights": [asked.heights[0], asked.heights[-1]],
        "widths": [asked.widths[0], asked.widths[-1]],
        "size_count": asked.size_count,
        "accepted_count": accepted.accepted_count,
        "accepted": [{"heights": list(heights), "widths": list(widths)} for heights, widths in accepted.groups],
        "first_refused": None if accepted.first_refused is None else list(accepted.first_refused),
    }
