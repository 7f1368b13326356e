"""YAML as a recipe may use it: maps, lists, text, numbers, true and false. Nothing in it is surprising.

PyYAML parses the text into events; what they mean is decided here, by the core schema of YAML 1.2: `1e-3` is a
number, `on` is text. Refused are what a recipe never needs and a reader would not expect: anchors and aliases,
tags, several documents, a key given twice, numbers with a leading zero, infinities, and what is not a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from archdsl.diagnostics.render import printable
from archdsl.errors import TrainingError

MOST_CHARACTERS = 1 << 16
DEEPEST = 10
LONGEST_LINE = 500

KeyPath = tuple[str | int, ...]

_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,18})")
_HUGE = re.compile(r"[-+]?[1-9][0-9]{19,}")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]{1,40}|(0|[1-9][0-9]{0,18})(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,3})?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class Document(NamedTuple):
    """What a text holds. `lines` has the line, from 1, of each key and each list item, by its path."""

    value: Any
    lines: dict[KeyPath, int]


def read_yaml(name: str, text: str) -> Document:
    """Read one document. Raises TrainingError, which names the file and the line."""
    try:
        return _read(text)
    except _Fault as fault:
        place = name if fault.line is None else f"{name}:{fault.line}"
        raise TrainingError(told_of(place, str(fault))) from None


def read_scalar(name: str, text: str) -> str | int | float | bool | None:
    """Read a value as it stands behind a key, but no list or section. Raises TrainingError, which names `name`."""
    try:
        value: str | int | float | bool | list[Any] | dict[str, Any] | None = _read(text).value
    except _Fault as fault:
        raise TrainingError(told_of(name, str(fault))) from None
    if isinstance(value, list | dict):
        kind = "a section" if isinstance(value, dict) else "a list"
        raise TrainingError(told_of(name, f"one value is needed here, and `{text}` is {kind}"))
    return value


def told_of(place: str, message: str) -> str:
    """A line on a mistake, which a text that it quotes can't make long, nor a terminal obey."""
    line = f"{place}: {message}"
    return printable(line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}...")


class _Fault(Exception):
    """What is wrong with a text, and in which line where that is known."""

    def __init__(self, line: int | None, message: str) -> None:
        super().__init__(message)
        self.line = line


def _read(text: str) -> Document:
    if len(text) > MOST_CHARACTERS:
        raise _Fault(None, f"a recipe has at most {MOST_CHARACTERS} characters, and this one {len(text)}")
    lines: dict[KeyPath, int] = {}
    try:
        events = iter(yaml.parse(text, Loader=yaml.SafeLoader))
        value = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if () in lines:
                    raise _Fault(_line(event), "a recipe is one document; take out the `---`")
                lines[()] = _line(event)
                value = _read_value(events, next(events), (), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _Fault(mark.line + 1 if mark else None, f"not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        reason = getattr(error, "reason", None) or str(error).splitlines()[0]
        raise _Fault(None, f"not YAML: {reason}") from None
    return Document(value, lines)


def _read_value(events: Iterator[Any], event: Any, path: KeyPath, lines: dict[KeyPath, int]) -> Any:
    if isinstance(event, yaml.AliasEvent):
        raise _Fault(_line(event), f"a recipe has no aliases; write the value out in place of `*{event.anchor}`")
    if getattr(event, "anchor", None):
        raise _Fault(_line(event), f"a recipe has no anchors; take out `&{event.anchor}`")
    if getattr(event, "tag", None):
        raise _Fault(_line(event), f"a recipe has no tags; take out `{event.tag}`")
    if len(path) > DEEPEST:
        raise _Fault(_line(event), f"nested deeper than {DEEPEST}")
    if isinstance(event, yaml.ScalarEvent):
        return event.value if event.style in ("'", '"', "|", ">") else _plain_scalar(event)
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            lines[(*path, len(items))] = _line(event)
            items.append(_read_value(events, event, (*path, len(items)), lines))
        return items
    entries: dict[str, Any] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
            raise _Fault(_line(event), "a key is a plain word")
        key = event.value
        if key in entries:
            first = lines[(*path, key)]
            raise _Fault(_line(event), f"{dotted((*path, key))} is given twice, first in line {first}")
        lines[(*path, key)] = _line(event)
        entries[key] = _read_value(events, next(events), (*path, key), lines)
    return entries


def _plain_scalar(event: yaml.ScalarEvent) -> bool | int | float | str | None:
    text: str = event.value
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _HUGE.fullmatch(text):
        raise _Fault(_line(event), f"a whole number has at most 19 digits, and this one {len(text.lstrip('+-'))}")
    if _DECIMAL.fullmatch(text):
        number = float(text)
        if number in (float("inf"), float("-inf")):
            raise _Fault(_line(event), f"{text} is larger than any number that a computer reckons with")
        return number
    if _LEADING_ZERO.fullmatch(text):
        mended = text.lstrip("+-").lstrip("0_") or "0"
        raise _Fault(_line(event), f"a number does not begin with 0: write {mended}, or '{text}' where text is meant")
    if _NOT_FINITE.fullmatch(text):
        raise _Fault(_line(event), f"{text} is no number that a recipe can use")
    return text


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return 1 if mark is None else mark.line + 1


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Values in each other by their paths: `{"optimizer": {"lr": 1}}` as `{"optimizer.lr": 1}`."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        path = f"{prefix}{key}"
        found |= flat(value, f"{path}.") if isinstance(value, dict) else {path: value}
    return found


def dotted(path: KeyPath) -> str:
    """A path of keys as one writes it: `optimizer.lr`."""
    return ".".join(str(part) for part in path)
