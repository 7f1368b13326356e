"""The canonical layout of a text: `docs/format.md` has its rules.

The words stay as they are, in their order, but for commas at the end of a list; what changes is the space between
them. A text is laid out in one walk over its words, so that neither depth nor length is a limit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.diagnostic import Diagnostic
from archdsl.source import Source, Span
from archdsl.syntax.layout import Arm, Gap, Layout, Role
from archdsl.syntax.parse import MAX_CHARACTERS, parse

WIDTH = 100
"""The longest line that is made, in characters. Comments do not count, nor what can't be broken."""

INDENT = 2
CONTINUED = 4
"""How far a line is indented that goes on with a value or a call, against the item that it belongs to."""

_COMMENT_OR_STRING = re.compile(r'(#[^\n]*)|"[^"\n]*"')
_ALONE = ("LET", "BLOCK", "IMPORT")


class UnfaithfulLayout(Exception):
    """The formatter would have changed what a text means: a mistake of ours. The text must be left as it is."""


def formatted(source: Source) -> tuple[str | None, list[Diagnostic]]:
    """The text in its canonical layout, or None and what is wrong where it does not parse.

    Raises:
        UnfaithfulLayout: the result would not mean the same, or would lack a comment.
    """
    file, found = parse(source)
    if found:
        return None, found
    text = _Printer(Layout(source)).run()
    if len(text) > MAX_CHARACTERS:
        return None, [diagnose("file-too-large", Span(source, 0, 0), limit=MAX_CHARACTERS)]
    again, mistakes = parse(Source(source.name, text))
    if mistakes or not same_tree(file.statements, again.statements) or comments(source.text) != comments(text):
        raise UnfaithfulLayout(source.name)
    return text, []


def same_tree(a: Any, b: Any) -> bool:
    """Whether two syntax trees are the same but for the places of their nodes."""
    waiting = [(a, b)]
    while waiting:
        a, b = waiting.pop()
        if a.__class__ is not b.__class__:
            return False
        if not isinstance(a, tuple):
            if a != b:
                return False
            continue
        if len(a) != len(b):
            return False
        waiting += [pair for pair in zip(_parts(a), _parts(b), strict=True) if pair[0] is not pair[1]]
    return True


def _parts(node: tuple[Any, ...]) -> tuple[Any, ...]:
    """The fields of a node without its place, which are the last two; the items of any other tuple."""
    return node[:-2] if hasattr(node, "start") else node


def comments(text: str) -> list[str]:
    """The comments of a text that parses, in their order."""
    return [match[1].rstrip(" \t") for match in _COMMENT_OR_STRING.finditer(text) if match[1]]


class _Line(NamedTuple):
    """A finished line, and the comment at its end with the column where it stood."""

    text: str
    comment: str | None = None
    column: int = 0


@dataclass(slots=True)
class _Open:
    """A body or list whose inside takes several lines, or the file.

    indent: of what stands inside; base: of its closer.
    after_long: the item before takes lines of its own.
    opens_line, one_each, keeps_lines: of a list: its first element starts a line; every element does; those do that
    its writer began lines with.
    """

    opener: int
    indent: int
    base: int
    after_long: bool = False
    opens_line: bool = False
    one_each: bool = False
    keeps_lines: bool = False


class _Printer:
    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.lines: list[_Line] = []
        self.parts: list[str] = []
        self.column = 0
        self.line_indent = 0
        self.open = [_Open(-1, 0, 0)]
        self.one_line_bodies: set[int] = set()
        self.broken_elses: set[int] = set()

    def run(self) -> str:
        index, count = 0, len(self.layout.words)
        while index < count:
            index = self._word(index)
        self._break_line(self.layout.gaps[count], 0, opening=count == 0, closing=True)
        return "".join(f"{line}\n" for line in _with_comments(self.lines))

    def _word(self, index: int) -> int:
        """Write a word, and all of its item or its brackets where that is one line; returns the next to write."""
        layout = self.layout
        role, kind = layout.roles[index], layout.words[index].type
        if role is Role.ITEM:
            if self._start_item(index):
                return self._write(index, layout.end[index])
            if index in layout.arms:
                self._choose_arms(layout.arms[index])
        elif role is Role.BAR:
            self._break_line(layout.gaps[index], self.open[-1].indent, self.open[-1].indent - INDENT)
            self.line_indent = self.open[-1].indent
            self.open[-1].after_long = False
        elif role is Role.CLOSER:
            self._close(index)
        else:
            self._go_on(index, role)
        if kind == "LPAR":
            return self._open_list(index)
        return self._open_body(index) if kind == "LBRACE" else self._write(index, index + 1)

    def _start_item(self, index: int) -> bool:
        """Write what stands before an item; returns whether it is one line."""
        layout, around = self.layout, self.open[-1]
        end, gap = layout.end[index], layout.gaps[index]
        before = layout.words[index - 1].type if index else "LBRACE"
        is_line = layout.is_one_line(index, end) and around.indent + layout.width(index, end) <= WIDTH
        is_line = is_line or end == index + 1
        is_alone = not is_line or layout.words[index].type in _ALONE
        if before == "LBRACE":
            self._break_line(gap, around.indent, opening=True)
        elif before == "VBAR":
            self._text(" ")
        elif is_alone or around.after_long or gap.newline or not self._fits(1 + self._stage_width(index)):
            self._break_line(gap, around.indent)
        else:
            self._text(" ")
        around.after_long = is_alone
        return is_line

    def _stage_width(self, index: int) -> int:
        """The characters of an item with the bare words after it, which stay beside it where they can."""
        layout = self.layout
        end = layout.end[index]
        while end > index + 1 and layout.end.get(end) == end + 1 and self._goes_on(end):
            end += 1
        return layout.width(index, end)

    def _goes_on(self, index: int) -> bool:
        """Whether an item stands on the line of the one before it."""
        return self.layout.roles[index] is Role.ITEM and not self.layout.gaps[index].newline

    def _choose_arms(self, arms: list[Arm]) -> None:
        """Where an `if` takes several lines, its arms are a line each if all have room; else all bodies are broken."""
        layout = self.layout
        indent = self.open[-1].indent
        for arm in arms:
            end = layout.pair[arm.opener] + 1
            if not layout.is_one_line(arm.start, end) or indent + layout.width(arm.start, end) > WIDTH:
                return
        self.one_line_bodies.update(arm.opener for arm in arms)
        self.broken_elses.update(arm.start for arm in arms[1:])

    def _open_body(self, index: int) -> int:
        layout, around = self.layout, self.open[-1]
        closer = layout.pair[index]
        if closer == index + 1 and not layout.gaps[closer].comments:
            return self._write(index, closer + 1)
        if index in self.one_line_bodies:
            return self._write(index, closer + 1)
        deeper = 2 * INDENT if index in layout.with_bars else INDENT
        self.open.append(_Open(index, around.indent + deeper, around.indent))
        return self._write(index, index + 1)

    def _open_list(self, index: int) -> int:
        layout = self.layout
        closer = layout.pair[index]
        if self._is_one_line(index, closer) or (closer == index + 1 and not layout.gaps[closer].comments):
            return self._write(index, closer + 1)
        around = _Open(index, self.line_indent + INDENT, self.line_indent)
        around.keeps_lines = index in layout.split and self._lines_fit(index, around.indent)
        around.opens_line = not around.keeps_lines or layout.gaps[index + 1].newline
        around.one_each = not around.keeps_lines and index in layout.composed
        self.open.append(around)
        return self._write(index, index + 1)

    def _lines_fit(self, opener: int, indent: int) -> bool:
        """Whether the lines that the writer made of a list have room; elements of several lines aside."""
        layout = self.layout
        column = indent if layout.gaps[opener + 1].newline else self.column + 1
        start, closer = opener + 1, layout.pair[opener]
        while start < closer:
            end = layout.end[start]
            if layout.gaps[start].newline:
                column = indent
            if layout.is_one_line(start, end):
                column += layout.width(start, end) + 1
                if column > WIDTH:
                    return False
                column += 1
            else:
                column = indent
            start = end + 1
        return True

    def _close(self, index: int) -> None:
        layout, around = self.layout, self.open.pop()
        gap = layout.gaps[index]
        is_empty = index == around.opener + 1
        if layout.words[index].type == "RBRACE":
            self._break_line(gap, around.indent, around.base, opening=is_empty, closing=True)
        elif around.opens_line or gap.comments:
            many = around.opener in layout.calls or around.opener in layout.with_commas
            if many and not is_empty and layout.words[index - 1].type != "COMMA":
                self._text(",")
            self._break_line(gap, around.indent, around.base, opening=is_empty, closing=True)

    def _go_on(self, index: int, role: Role) -> None:
        """Write what stands before a word inside an item."""
        layout, around = self.layout, self.open[-1]
        gap = layout.gaps[index]
        if role is Role.FIRST:
            if around.opens_line:
                self._break_line(gap, around.indent, opening=True)
        elif role is Role.ELEMENT:
            is_alone = around.one_each and index not in layout.chosen
            if is_alone or gap.comments or (around.keeps_lines and gap.newline) or not self._fits_element(index):
                self._break_line(gap, around.indent)
            else:
                self._text(" ")
        elif role is Role.ELSE:
            if index in self.broken_elses or gap.comments:
                self._break_line(gap, around.indent, keeps_blank=False)
            else:
                self._text(" ")
        elif gap.comments or (role is Role.OPERATOR and not self._fits_operand(index)):
            self._break_line(gap, around.indent + CONTINUED, keeps_blank=False)
        else:
            self._text(layout.space(index))

    def _fits_element(self, index: int) -> bool:
        end = self.layout.end[index]
        return self.layout.is_one_line(index, end) and self._fits(
            1 + self.layout.width(index, end) + self.layout.sticking(end)
        )

    def _fits_operand(self, index: int) -> bool:
        end = self.layout.end[index]
        return self._fits(1 + self.layout.width(index, end) + self.layout.sticking(end))

    def _is_one_line(self, opener: int, closer: int) -> bool:
        """Whether a bracket and what sticks to it have room on this line."""
        layout = self.layout
        return layout.is_one_line(opener, closer + 1) and self._fits(
            layout.width(opener, closer + 1) + layout.sticking(closer + 1)
        )

    def _fits(self, width: int) -> bool:
        return self.column + width <= WIDTH

    def _write(self, start: int, end: int) -> int:
        """Write words on this line, without what stands before the first; returns `end`."""
        words, space = self.layout.words, self.layout.space
        self._text(words[start].text)
        for index in range(start + 1, end):
            self._text(space(index) + words[index].text)
        return end

    def _text(self, text: str) -> None:
        self.parts.append(text)
        self.column += len(text)

    def _break_line(
        self,
        gap: Gap,
        indent: int,
        next_indent: int | None = None,
        *,
        opening: bool = False,
        closing: bool = False,
        keeps_blank: bool = True,
    ) -> None:
        """End the line with the comments of a gap, and start the next.

        indent: of comments on lines of their own; next_indent: of the next line, where it is another.
        opening, closing: what stands before, and after, is a bracket or an end of the file, where blank lines go.
        """
        comments = gap.comments
        text = "".join(self.parts)
        if comments and not comments[0].own_line and text:
            self.lines.append(_Line(text, comments[0].text, comments[0].column))
            comments = comments[1:]
        elif text:
            self.lines.append(_Line(text))
        for comment in comments:
            if comment.after_blank and not opening:
                self.lines.append(_Line(""))
            self.lines.append(_Line(" " * indent + comment.text))
            opening = False
        if gap.blank and keeps_blank and not opening and not closing:
            self.lines.append(_Line(""))
        self.line_indent = indent if next_indent is None else next_indent
        self.parts = [" " * self.line_indent] if self.line_indent else []
        self.column = self.line_indent


def _with_comments(lines: list[_Line]) -> list[str]:
    """The lines with the comments at their ends, two spaces on, or aligned where they were aligned.

    Comments are aligned with those before and after them up to a blank line, whether or not all lines have one.
    """
    written = [line.text for line in lines]
    run: list[int] = []
    for index, line in enumerate([*lines, _Line("")]):
        if run and (not line.text or (line.comment and line.column != lines[run[-1]].column)):
            width = max(len(written[each]) for each in run)
            for each in run:
                written[each] = f"{written[each]:<{width}}  {lines[each].comment}"
            run = []
        if line.comment:
            run.append(index)
    return written
