"""Diagnostics to text for people, in the layout of rustc and ruff. The layout may change; JSON is for programs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from archdsl.diagnostics.diagnostic import Diagnostic, Label
from archdsl.source import Source, Span

_RED, _YELLOW, _BLUE, _BOLD, _END = "\x1b[31m", "\x1b[33m", "\x1b[34m", "\x1b[1m", "\x1b[0m"

_MOST_RELATED = 12
"""Of more places than this, the first and the last are shown: blocks call each other up to a hundred deep."""

_LONGEST_LINE = 120
"""Of a longer line of the text, so many characters are shown around what is pointed at."""

_COMMAND_AT_THE_START = re.compile(r"^(\s*):(?=:)", re.MULTILINE)


def visible(text: str) -> str:
    """The text with all that a terminal would obey, or not show, written out: `\\x1b`, `\\u202e`, `\\xa0`."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def unobeyed(text: str) -> str:
    """Lines for people as the log of a CI run takes them.

    The runners of GitHub and Azure obey lines that begin with `::`, and `##[` or `##vso[` wherever it stands; a file's
    name or a comment could hold these. Elsewhere they mean nothing, and stay as they are.
    """
    if not (os.environ.get("GITHUB_ACTIONS") or os.environ.get("TF_BUILD")):
        return text
    return without_brackets(_COMMAND_AT_THE_START.sub(r"\1\\x3a", text))


def printable(text: str) -> str:
    """Lines with what a terminal or a CI runner would obey written out, so that a name from a file can't steer it."""
    return unobeyed("\n".join(map(visible, text.split("\n"))))


def without_brackets(text: str) -> str:
    """Text without the older commands of runners, `##[error]` and `##vso[...]`."""
    return text.replace("##[", "##\\x5b").replace("##vso[", "##vso\\x5b")


def render(diagnostics: Iterable[Diagnostic], color: bool = False) -> str:
    """All diagnostics as text, a blank line between two, without a line end at the end."""
    return "\n\n".join(_render_one(each, color) for each in diagnostics)


def _render_one(diagnostic: Diagnostic, color: bool) -> str:
    paint = Paint(color, diagnostic.severity)
    head = paint.fault(f"{diagnostic.severity}[{diagnostic.code}]") + paint.bold(f": {visible(diagnostic.message)}")
    lines = [head]
    related, left_out = diagnostic.related, len(diagnostic.related) - _MOST_RELATED
    if left_out > 0:
        related = (*related[: _MOST_RELATED // 2], *related[-(_MOST_RELATED // 2) :])
    labels = [(label, True) for label in _by_its_ends(diagnostic.primary)] + [(label, False) for label in related]
    width = max(len(str(_lines_of(label)[0])) for label, _ in labels)
    by_source: dict[Source, list[tuple[Label, bool]]] = {}
    for label, primary in labels:
        by_source.setdefault(label.span.source, []).append((label, primary))
    gutter = paint.edge(" " * (width + 1) + "|")
    for source, group in by_source.items():
        arrow = "-->" if group[0][1] else ":::"
        where = f"{' ' * width}{paint.edge(arrow)} {visible(source.name)}"
        if source.text:
            line, column = source.position(group[0][0].span.start)
            lines += [f"{where}:{line}:{column}", gutter, *_snippet(source, group, width, paint)]
        elif group[0][0].message:
            # A file as a whole. One of which nothing is to be said, as one that is not there, is in the headline.
            lines.append(where)
    notes = (*diagnostic.notes, f"{left_out} more places between these") if left_out > 0 else diagnostic.notes
    tail = [("note", each) for each in notes] + [("help", each) for each in diagnostic.help]
    if tail:
        lines.append(gutter)
        edge = paint.edge(" " * (width + 1) + "=")
        lines += [f"{edge} {paint.bold(kind)}: {visible(text)}" for kind, text in tail]
    if diagnostic.trace:
        edge = paint.edge(" " * (width + 1) + "=")
        lines.append(f"{edge} {paint.bold('trace')}: from the input to here")
        lines += _trace(diagnostic)
    return "\n".join(lines)


def _trace(diagnostic: Diagnostic) -> list[str]:
    """The steps of the trace below each other: place, item, and the shape that it gives."""
    rows = []
    for step in diagnostic.trace:
        line, column = step.span.source.position(step.span.start)
        file = "" if step.span.source is diagnostic.primary.span.source else f"{visible(step.span.source.name)}:"
        rows.append((f"{file}{line}:{column}", "  " * step.depth + visible(step.title), step.gives or ""))
    rows[-1] = (*rows[-1][:2], rows[-1][2] or "does not fit")
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return [f"    {place:<{widths[0]}}  {item:<{widths[1]}}  {gives}".rstrip() for place, item, gives in rows]


def _by_its_ends(label: Label) -> list[Label]:
    """A label, and where it spans several lines another one for what of it stands on the last."""
    source, start, end = label.span
    number = source.position(max(start, end - 1))[0]
    if number == source.position(start)[0]:
        return [label]
    line = source.line(number)
    last = source.line_starts[number - 1] + len(line) - len(line.lstrip())
    return [label, Label(Span(source, last, end), "to here")]


def _lines_of(label: Label) -> tuple[int, int]:
    """The line of a label and its column, both from 1."""
    return label.span.source.position(label.span.start)


def _snippet(source: Source, group: list[tuple[Label, bool]], width: int, paint: Paint) -> list[str]:
    """The lines of one source that labels point at, each label under its characters."""
    lines: list[str] = []
    by_line: dict[tuple[int, int], list[tuple[Label, bool]]] = {}
    cut_of: dict[int, int] = {}
    for label, primary in sorted(group, key=lambda each: each[0].span.start):
        number, column = _lines_of(label)
        cut = cut_of.get(number)
        if cut is None or column - 1 + label.span.end - label.span.start > cut + _LONGEST_LINE:
            cut = cut_of[number] = _cut_from(source.line(number), column - 1)
        by_line.setdefault((number, cut), []).append((label, primary))
    shown = 0
    for number, cut in sorted(by_line):
        if shown and number > shown + 1:
            lines.append(paint.edge(" " * (width - 1) + "..."))
        shown = number
        text, left_out = _cut(source.line(number), cut)
        first = source.line_starts[number - 1] + left_out
        lines.append(f"{paint.edge(f'{number:>{width}} |')} {_cells(text)}".rstrip())
        for label, primary in sorted(by_line[number, cut], key=lambda each: (not each[1], -each[0].span.start)):
            start = label.span.start - first
            # What spans several lines is underlined to the end of its first.
            end = min(label.span.end - first, max(len(text), start + 1))
            before, until = _width(_cells(text[:start])), _width(_cells(text[:end]))
            mark = ("^" if primary else "-") * max(1, until - before)
            pointed = f"{mark} {visible(label.message)}".rstrip()
            color = paint.fault if primary else paint.edge
            lines.append(f"{paint.edge(' ' * (width + 1) + '|')} {' ' * before}{color(pointed)}")
    return lines


def _cut_from(line: str, at: int) -> int:
    """The first character of a line that is shown, where `at` is pointed at: 0 unless the line is long."""
    if len(line) <= _LONGEST_LINE:
        return 0
    return max(0, min(at - _LONGEST_LINE // 4, len(line) - _LONGEST_LINE))


def _cut(line: str, cut: int) -> tuple[str, int]:
    """What is shown of a line from a character on, and how many characters fewer stand before those that stay."""
    before = "..." if cut else ""
    after = "..." if len(line) > cut + _LONGEST_LINE else ""
    return f"{before}{line[cut : cut + _LONGEST_LINE]}{after}", cut - len(before)


def _cells(text: str) -> str:
    """A line as it is shown: tabs as four spaces, what can't be seen written out."""
    return visible(text.replace("\t", "    "))


def _width(shown: str) -> int:
    """How many columns of a terminal a text takes: signs of Chinese and emoji take two, combining marks none."""
    if shown.isascii():
        return len(shown)
    from rich.cells import cell_len  # Needed by few texts, and takes longer to load than a check.

    return cell_len(shown)


class Paint:
    """Colors, or none; those of faults are of their severity."""

    def __init__(self, color: bool, severity: str = "error") -> None:
        self._color = color
        self._fault = _RED if severity == "error" else _YELLOW

    def _painted(self, codes: str, text: str) -> str:
        return f"{codes}{text}{_END}" if self._color else text

    def fault(self, text: str) -> str:
        return self._painted(_BOLD + self._fault, text)

    def bold(self, text: str) -> str:
        return self._painted(_BOLD, text)

    def edge(self, text: str) -> str:
        return self._painted(_BOLD + _BLUE, text)
