"""What stands for parts of a spec, from the command line or from Python: `--input 3x96x96`, `--set width=32`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from archdsl.checker.scope import Module, Scope, Value
from archdsl.checker.session import Session
from archdsl.checker.suggest import meant_value
from archdsl.checker.values import NOWHERE, Evaluation
from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.diagnostic import Diagnostic
from archdsl.diagnostics.render import visible
from archdsl.shapes import Image, Shape, SizeRange, Vector
from archdsl.source import Source, Span
from archdsl.syntax import nodes
from archdsl.syntax.parse import parse
from archdsl.syntax.tokens import MAX_WHOLE


def read_input(given: str | int | tuple[int, ...] | Shape | None) -> tuple[Shape | None, list[Diagnostic]]:
    """The shape meant by "3x96x96" or "784", or by a tuple of such sizes."""
    if given is None:
        return None, []
    if isinstance(given, str | int):
        text = str(given)
    elif isinstance(given, list | tuple):
        text = "x".join(str(size) for size in given)
    else:
        raise TypeError(f'an input is "3x96x96", (3, 96, 96) or a number of features, not {given!r}')
    parts = text.lower().split("x")
    if len(parts) in (1, 3) and all(part.isascii() and part.isdecimal() and len(part) < 16 for part in parts):
        sizes = [int(part) for part in parts]
        if min(sizes) >= 1:
            return (Image(*sizes) if len(sizes) == 3 else Vector(*sizes)), []
    source = Source("--input", text)
    return None, [diagnose("malformed-input", Span(source, 0, len(text)), text=text)]


MOST_SIZES = 1_000_000
"""No more sizes than this are asked for in one range."""

_SIZE_OR_RANGE = re.compile(r"([1-9][0-9]{0,14})(?:\.\.([1-9][0-9]{0,14}))?")


def read_range(text: str | None) -> tuple[SizeRange | None, list[Diagnostic]]:
    """The images meant by "3x64..256x64..256"; None and nothing where the text is no range."""
    if text is None or ".." not in text:
        return None, []
    span = Span(Source("--input", text), 0, len(text))
    parts = [_SIZE_OR_RANGE.fullmatch(part) for part in text.lower().split("x")]
    ranges = [range(int(part[1]), int(part[2] or part[1]) + 1) for part in parts if part is not None]
    if len(ranges) != 3 or len(parts) != 3 or not all(ranges) or len(ranges[0]) > 1:
        return None, [diagnose("malformed-range", span, text=text)]
    asked = SizeRange(ranges[0][0], ranges[1], ranges[2])
    if asked.size_count > MOST_SIZES:
        return None, [diagnose("range-too-large", span, count=asked.size_count, limit=MOST_SIZES, one_by_one=False)]
    return asked, []


def wrong_root(root: str | Path | None) -> list[Diagnostic]:
    """What is wrong with the folder that imports may not leave: it must be there."""
    if root is None or Path(root).is_dir():
        return []
    text = str(root)
    reason = "not a folder" if Path(root).exists() else "no such folder"
    return [diagnose("unreadable-file", Span(Source("--root", text), 0, len(text)), path=text, reason=reason)]


def read_settings(given: Mapping[str, Any]) -> tuple[dict[str, Value], list[Diagnostic]]:
    """The values meant for lets: Python's own, or text as it is written in the language."""
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise TypeError(f'values for lets are given by their names, as {{"width": 32}}, not {given!r}')
    values: dict[str, Value] = {}
    found: list[Diagnostic] = []
    for name, value in given.items():
        text = written(value) if not isinstance(value, str) else value
        source = Source("--set", f"{name}={text}")
        span = Span(source, len(name) + 1, len(source.text))
        file, errors = parse(Source("--set", f"let value = {text}"))
        let = file.statements[0] if len(file.statements) == 1 else None
        if errors or not isinstance(let, nodes.Let) or not is_literal(let.value):
            found.append(diagnose("malformed-setting", span, name=name, text=text, suggestion=meant_value(text)))
            continue
        session = Session()
        scope = Scope(Module(source, None), None, "let", {})
        values[name] = Evaluation(session, scope, NOWHERE).value(let.value)
        if session.found_errors:
            found.append(diagnose("malformed-setting", span, name=name, text=text))
    return values, found


def written(value: Any) -> str:
    """A Python value as the language writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(written, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, int) and abs(value) > MAX_WHOLE:
        return "too large"
    return repr(value)


def is_literal(value: nodes.Value) -> bool:
    """Whether a value is a number, a truth or a tuple of them, with a sign."""
    if isinstance(value, nodes.Unary):
        return value.operator == "-" and isinstance(value.operand, nodes.Number)
    if isinstance(value, nodes.Tuple):
        return all(is_literal(item) for item in value.items)
    return isinstance(value, nodes.Number)


def split_settings(given: Iterable[str]) -> tuple[dict[str, str], str | None]:
    """The names and values of "name=value", each text one `--set`, and what is wrong with the first that is not so."""
    settings: dict[str, str] = {}
    for text in given:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (equals and name.isidentifier() and value):
            return settings, f"--set takes name=value, not `{visible(text)}`"
        if name in settings:
            return settings, f"--set gives `{visible(name)}` twice"
        settings[name] = value
    return settings, None
