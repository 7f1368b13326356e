"""`archdsl check`: the shapes of specs, or what is wrong with them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archdsl.api import check as check_spec
from archdsl.backends.table import open_summary, summary
from archdsl.checker.check import Checked
from archdsl.checker.session import MAX_LAYERS
from archdsl.diagnostics.catalog.entry import plural
from archdsl.diagnostics.diagnostic import Diagnostic, Label
from archdsl.diagnostics.render import render, visible
from archdsl.settings import split_setting
from archdsl.source import Source, Span

if TYPE_CHECKING:
    from archdsl.input_sizes import InputSizes

EXIT_FINE, EXIT_ERRORS, EXIT_USAGE = 0, 1, 2


def check(
    files: Sequence[str],
    *,
    input: str | None = None,
    settings: Sequence[str] = (),
    root: str | None = None,
    max_layers: int = MAX_LAYERS,
    format: str = "text",
    quiet: bool = False,
    fix: bool = False,
    warnings_as_errors: bool = False,
) -> int:
    """Check specs and print what was found to standard output.

    Args:
        fix: first mend in the files what carries a fix.
        warnings_as_errors: warnings give 1 too.

    Returns:
        0 where all are fine, 1 where one has errors, 2 where a file can't be read or written or an option is wrong.
    """
    given = read_assignments(settings)
    if given is None:
        return EXIT_USAGE

    def check_one(spec: Path | Source) -> Checked:
        return check_spec(spec, input, given, root, max_layers)

    codes = [EXIT_FINE]
    checked: list[tuple[str, Checked]] = []
    for file in files:
        found = check_one(Path(file))
        if fix:
            from archdsl.commands.fix import fix_file  # Needed by this option alone.

            found, written = fix_file(Path(file), found, check_one)
            codes.append(EXIT_FINE if written else EXIT_USAGE)
        codes.append(exit_code(found))
        if warnings_as_errors and found.warnings:
            codes.append(EXIT_ERRORS)
        checked.append((file, found))
    if format == "json":
        print(json.dumps(as_json(checked), indent=2))
    else:
        print_text(checked, quiet)
    return max(codes)


def read_assignments(settings: Sequence[str]) -> dict[str, str] | None:
    """The values of `--set name=value`, or None after a message."""
    given: dict[str, str] = {}
    for setting in settings:
        pair = split_setting(setting)
        if pair is None:
            print(f"archdsl: --set takes name=value, not {visible(setting)!r}", file=sys.stderr)
            return None
        if pair[0] in given:
            print(f"archdsl: --set gives `{pair[0]}` twice", file=sys.stderr)
            return None
        given[pair[0]] = pair[1]
    return given


def exit_code(checked: Checked) -> int:
    """2 where a file can't be read or an option is at fault, 1 where the spec is."""
    if any(each.code == "unreadable-file" or each.primary.span.source.name.startswith("--") for each in checked.errors):
        return EXIT_USAGE
    return EXIT_ERRORS if checked.errors else EXIT_FINE


def print_text(checked: Sequence[tuple[str, Checked]], quiet: bool) -> None:
    """Tables and diagnostics for people."""
    color = wants_color(sys.stdout)
    for index, (file, each) in enumerate(checked):
        if index and not quiet:
            print()
        if each.diagnostics:
            print(render(each.diagnostics, color))
            print()
        name = visible(file)
        if each.errors:
            print(f"{name}: {plural(len(each.errors), 'error')}")
            continue
        warned = f", {plural(len(each.warnings), 'warning')}" if each.warnings else ""
        if quiet and each.network is not None:
            print(f"{name}: fine{warned}, {each.network.input} gives {each.network.output}")
        elif quiet and each.sizes is not None:
            print(f"{name}: fine{warned}, {takes(each.sizes)}")
        elif each.network is not None:
            print(f"{name}{warned and ': fine' + warned}\n{summary(each.network)}")
        elif each.sizes is not None:
            print(f"{name}{warned and ': fine' + warned}\n{open_summary(each.sizes)}")
        else:
            blocks = ", ".join(each.library or ())
            print(f"{name}: fine{warned}, definitions alone{': ' + blocks if blocks else ''}")


def takes(sizes: InputSizes) -> str:
    """In a line, what a network whose input has names for sizes accepts."""
    least = sizes.least()
    return f"takes {sizes.open}" if least is None else f"takes {sizes.open}, and needs at least {sizes.open.at(least)}"


def wants_color(stream: Any) -> bool:
    """Whether to color: on a terminal, unless NO_COLOR says otherwise (no-color.org)."""
    return bool(stream.isatty()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def as_json(checked: Sequence[tuple[str, Checked]]) -> dict[str, Any]:
    """The findings and networks for programs. Lines and columns count from 1; an end column is one past the last."""
    return {
        "diagnostics": [diagnostic_as_json(found) for _, each in checked for found in each.diagnostics],
        "networks": [
            {
                "file": file,
                "input": list(each.network.input),
                "output": list(each.network.output),
                "layers": each.network.layer_count,
                "parameters": each.network.cost.parameters,
                "macs": each.network.cost.macs,
            }
            for file, each in checked
            if each.network is not None
        ],
    }


def diagnostic_as_json(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **place_as_json(diagnostic.primary.span),
        "help": list(diagnostic.help),
        "notes": list(diagnostic.notes),
        "related": [label_as_json(label) for label in diagnostic.related],
    }


def label_as_json(label: Label) -> dict[str, Any]:
    return {"message": label.message, **place_as_json(label.span)}


def place_as_json(span: Span) -> dict[str, Any]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }
