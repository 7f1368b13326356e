"""How a text is laid out: its words with what stands between them, its items, and where its writer broke lines.

Facts alone, for the formatter; what becomes of them is decided in `format.py`. The text parses, so that its words
tell where an item, an argument or a branch begins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from itertools import accumulate
from typing import NamedTuple

from archdsl.source import Source
from archdsl.syntax.parse import load_tables
from archdsl.syntax.tokens import Token

_COMMENT = re.compile("#[^\n]*")
_ENDS_VALUE = {"NAME", "NUMBER", "TRUE", "FALSE", "STRING", "RPAR", "RBRACE"}
_RANKS = {"OR": 0, "AND": 1, "COMPARE": 2, "PLUS": 3, "MINUS": 3, "TIMES": 4}
_STARTS_ITEM = {"LET", "BLOCK", "IMPORT", "FOR", "IF"}


class Comment(NamedTuple):
    """A comment; `column` is where it stood, from 0, and `after_blank` whether a blank line was before it."""

    text: str
    own_line: bool
    after_blank: bool
    column: int


@dataclass(slots=True)
class Gap:
    """What stands before a word: comments, a line end, a blank line directly before the word."""

    comments: list[Comment] = field(default_factory=list)
    newline: bool = False
    blank: bool = False


class Role(Enum):
    """What a word begins or ends, which is what decides whether a line may end before it."""

    ITEM = "the first word of a statement, of an item or of a let"
    BAR = "the bar between two branches"
    ELSE = "the else between two bodies"
    FIRST = "the first word in parentheses"
    ELEMENT = "the first word after a comma"
    OPERATOR = "an operator between two values"
    CLOSER = "the end of a body or of parentheses"
    PLAIN = "any other word, which belongs to the one before it"


class Arm(NamedTuple):
    """A condition with its body, or an else: the index of its first word, and of its brace."""

    start: int
    opener: int


@dataclass(slots=True)
class _Level:
    """A bracket that is open at some word, or the file."""

    opener: int
    is_chain: bool
    item: int | None = None
    arm: int | None = None
    element: int | None = None
    elements: int = 0
    operators: list[int] = field(default_factory=list)


class Layout:
    """The words of a text, and for each, by its index, what is known of it.

    words: without the commas that only end a list.
    gaps: what stands before each word, and at the end of the text.
    pair: the closer of each opener.
    end: for the first word of an item or an element, and for an operator, the index after what belongs to it.
    arms: of an `if` with its first word, the conditions and bodies.
    with_bars, with_commas: openers of bodies with branches, and of lists with commas.
    calls: openers of arguments and parameters, where parentheses never stand for a single value.
    split, composed: lists whose writer broke a line between elements; those where an element has several words.
    chosen: first words of the values of a `choose`, each of which belongs to the condition before it.
    """

    def __init__(self, source: Source) -> None:
        self.words = without_trailing_commas(load_tables().tokens(source)[0])
        self.gaps = gaps_between(source.text, self.words)
        self.roles: list[Role] = [Role.PLAIN] * len(self.words)
        self.pair: dict[int, int] = {}
        self.end: dict[int, int] = {}
        self.arms: dict[int, list[Arm]] = {}
        self.with_bars: set[int] = set()
        self.with_commas: set[int] = set()
        self.calls: set[int] = set()
        self.split: set[int] = set()
        self.composed: set[int] = set()
        self.chosen: set[int] = set()
        self._spaces = bytearray(len(self.words))
        self._find_roles()
        self._measure()

    def _find_roles(self) -> None:
        levels = [_Level(-1, is_chain=True)]
        for index, (word, before) in enumerate(zip(self.words, [None, *self.words], strict=False)):
            level = levels[-1]
            kind, kind_before = word.type, None if before is None else before.type
            role = self._role(kind, kind_before, level)
            self.roles[index] = role
            self._spaces[index] = index > 0 and self._has_space(index, level)
            if role is Role.OPERATOR:
                level.operators.append(index)
            elif role is not Role.PLAIN or kind in ("COMMA", "LBRACE"):
                self._end_expression(level.operators, index)
            if role in (Role.FIRST, Role.ELEMENT):
                if level.elements % 2 and self.words[level.opener - 1].text == "choose":
                    self.chosen.add(index)
                level.element = index
                level.elements += 1
            if level.element is not None and (kind == "COMMA" or (role is Role.CLOSER and not level.is_chain)):
                self.end[level.element] = index
                if index - level.element > 1:
                    self.composed.add(level.opener)
                level.element = None
            if kind == "COMMA":
                self.with_commas.add(level.opener)
            if role is Role.ELEMENT and self.gaps[index].newline:
                self.split.add(level.opener)
            if level.item is not None and (role in (Role.ITEM, Role.BAR) or (role is Role.CLOSER and level.is_chain)):
                self.end[level.item] = index
                level.item = level.arm = None
            if role is Role.BAR:
                self.with_bars.add(level.opener)
            if role is Role.ITEM:
                level.item = index
            if kind == "IF" and kind_before != "ELSE":
                level.arm = level.item
            if kind == "ELSE":
                level.arm = index
            if kind == "LBRACE" and level.arm is not None and level.item is not None:
                self.arms.setdefault(level.item, []).append(Arm(level.arm, index))
            if kind in ("LPAR", "LBRACE"):
                levels.append(_Level(index, is_chain=kind == "LBRACE"))
                if kind_before == "NAME" and kind == "LPAR":
                    self.calls.add(index)
            elif role is Role.CLOSER:
                self.pair[levels.pop().opener] = index
        if levels[0].item is not None:
            self.end[levels[0].item] = len(self.words)
            self._end_expression(levels[0].operators, len(self.words))

    def _end_expression(self, operators: list[int], end: int) -> None:
        """What belongs to an operator ends at the next that binds no more than it, or with the expression."""
        later: list[int] = []
        for index in reversed(operators):
            rank = _RANKS[self.words[index].type]
            while later and _RANKS[self.words[later[-1]].type] > rank:
                later.pop()
            self.end[index] = later[-1] if later else end
            later.append(index)
        operators.clear()

    def _role(self, kind: str, before: str | None, level: _Level) -> Role:
        if kind in ("RPAR", "RBRACE"):
            return Role.CLOSER
        if kind in _RANKS and before in _ENDS_VALUE:
            return Role.OPERATOR
        if not level.is_chain:
            return Role.FIRST if before == "LPAR" else Role.ELEMENT if before == "COMMA" else Role.PLAIN
        if kind == "VBAR":
            return Role.BAR
        if kind == "ELSE":
            return Role.ELSE
        if before in (None, "LBRACE", "VBAR"):
            return Role.ITEM
        if kind in _STARTS_ITEM and before not in ("COLON", "ELSE"):
            return Role.ITEM
        return Role.ITEM if kind == "NAME" and before in _ENDS_VALUE else Role.PLAIN

    def _has_space(self, index: int, level: _Level) -> bool:
        """Whether a space stands before a word where the line goes on."""
        kind, before = self.words[index].type, self.words[index - 1].type
        if before == "LPAR" or kind in ("RPAR", "COMMA", "COLON"):
            return False
        if (before, kind) in (("NAME", "LPAR"), ("LBRACE", "RBRACE")):
            return False
        if before == "MINUS" and self.roles[index - 1] is not Role.OPERATOR:
            return False
        return level.is_chain or "EQUAL" not in (kind, before)

    def _measure(self) -> None:
        """What the text is as one line: where each word would end; and where it can't be one, or need not."""
        lengths = [len(word.text) + space for word, space in zip(self.words, self._spaces, strict=True)]
        self._ends = [0, *accumulate(lengths)]
        self._hard = [0, *accumulate(map(self._is_hard, range(len(self.words))))]
        self._ahead = [0] * (len(self.words) + 1)
        for index in range(len(self.words) - 1, -1, -1):
            closes_list = self.words[index].type == "RPAR"
            if self.roles[index] is Role.PLAIN or closes_list:
                self._ahead[index] = lengths[index] + self._ahead[index + 1]

    def _is_hard(self, index: int) -> bool:
        """Whether what this word stands in can't be one line, or is meant not to be."""
        gap, role = self.gaps[index], self.roles[index]
        before = self.words[index - 1] if index else None
        if gap.comments:
            return True
        if before is not None and self.pair.get(index - 1) == index:
            return False
        kept = (Role.ITEM, Role.BAR, Role.ELSE, Role.FIRST, Role.ELEMENT)
        if role in kept or self.words[index].type == "RBRACE":
            return gap.newline or self.words[index].type == "LET"
        return False

    def space(self, index: int) -> str:
        """What parts a word from the one before it on a line."""
        return " " if self._spaces[index] else ""

    def is_one_line(self, start: int, end: int) -> bool:
        """Whether the words from `start` to `end - 1` may stand on one line."""
        return self._hard[end] == self._hard[start + 1]

    def width(self, start: int, end: int) -> int:
        """The characters of these words on one line, without the space before the first."""
        return self._ends[end] - self._ends[start] - self._spaces[start] if start < end else 0

    def sticking(self, index: int) -> int:
        """The characters from this word on that can't be parted from the word before it."""
        return self._ahead[index]


def without_trailing_commas(tokens: list[Token]) -> list[Token]:
    """The words without the commas before a closing parenthesis, but for that of a tuple of one."""
    dropped: set[int] = set()
    opened: list[tuple[bool, int]] = []
    for index, token in enumerate(tokens):
        if token.type == "LPAR":
            opened.append((index > 0 and tokens[index - 1].type == "NAME", 0))
        elif token.type == "COMMA":
            is_call, commas = opened.pop()
            opened.append((is_call, commas + 1))
        elif token.type == "RPAR":
            is_call, commas = opened.pop()
            if tokens[index - 1].type == "COMMA" and (is_call or commas > 1):
                dropped.add(index - 1)
    return [token for index, token in enumerate(tokens) if index not in dropped] if dropped else tokens


def gaps_between(text: str, words: list[Token]) -> list[Gap]:
    """What stands before each word, and at the end.

    What stands before a comma is taken as if it stood after it, and what stands after a bar as if before it: so
    a comment stays with what it is beside, or above.
    """
    starts = [0, *(word.end for word in words)]
    ends = [*(word.start for word in words), len(text)]
    gaps = [_gap(text, start, end) for start, end in zip(starts, ends, strict=True)]
    for index, word in enumerate(words):
        here, after = gaps[index], gaps[index + 1]
        if word.type == "COMMA":
            after.comments[:0] = here.comments
            after.newline |= here.newline
            gaps[index] = Gap()
        elif word.type == "VBAR":
            if after.comments:
                first = after.comments[0]
                after.comments[0] = first._replace(after_blank=here.blank or first.after_blank)
                here.blank = after.blank
                here.comments += [each._replace(own_line=True) for each in after.comments]
            else:
                here.blank |= after.blank
            here.newline |= after.newline
            gaps[index + 1] = Gap()
    return gaps


def _gap(text: str, start: int, end: int) -> Gap:
    gap = Gap()
    at = start
    for match in _COMMENT.finditer(text, start, end):
        lines = text.count("\n", at, match.start())
        column = match.start() - text.rfind("\n", 0, match.start()) - 1
        gap.comments.append(Comment(match.group().rstrip(" \t"), lines > 0 or start == 0, lines > 1, column))
        at = match.end()
    lines = text.count("\n", at, end)
    gap.newline = bool(gap.comments) or lines > 0
    gap.blank = lines > 1
    return gap
