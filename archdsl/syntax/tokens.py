"""Words of a text: what characters may stand in it, and which numbers are numbers."""

from __future__ import annotations

import re
from typing import NamedTuple

from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.diagnostic import Diagnostic, Edit, Fix
from archdsl.source import Source, Span

MAX_WHOLE = 2**53
"""The largest whole number: up to here decimals hold every whole number exactly."""

MAX_NESTING = 100
"""How deep braces and parentheses may stand in each other."""

# Control characters but for tab and line end; bidirectional marks, which make a text read otherwise than it is
# (CVE-2021-42574); marks without width; lone surrogates.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


class Token(NamedTuple):
    """One word or sign; `type` is the terminal's name in the grammar."""

    type: str
    text: str
    start: int
    end: int


class Cut(Token):
    """Tokens that were cut out of a text because one among them fits nowhere. They stand as one word, an item."""

    inside: tuple[Token, ...] = ()

    @staticmethod
    def of(inside: tuple[Token, ...], start: int) -> Cut:
        """The tokens as one that starts at `start`."""
        cut = Cut("NAME", "", start, max(start, inside[-1].end) if inside else start)
        cut.inside = inside
        return cut


def joined(source: Source, tokens: list[Token]) -> list[Token]:
    """The tokens, with neighbouring strays as one: they are one mistake."""
    result: list[Token] = []
    run = 0
    for index, token in enumerate(tokens):
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        run += 1
        if following is None or not token.type == following.type == "STRAY" or token.end != following.start:
            start = tokens[index + 1 - run].start
            result.append(Token(token.type, source.text[start : token.end], start, token.end))
            run = 0
    return result


def refuse_characters(source: Source) -> list[Diagnostic]:
    """An error for each kind of forbidden character, at its first place."""
    found: dict[str, Diagnostic] = {}
    for match in _FORBIDDEN.finditer(source.text):
        character = match.group()
        if character not in found:
            found[character] = diagnose(
                "forbidden-character", Span(source, match.start(), match.end()), codepoint=ord(character)
            )
    return list(found.values())


OPENERS = {"RBRACE": "LBRACE", "RPAR": "LPAR"}
"""Each closer with what it closes."""


def bracket_pairs(tokens: list[Token]) -> list[tuple[int, int]] | None:
    """The indices of each opener and its closer, outer ones last; None where one is missing or of the wrong kind."""
    pairs: list[tuple[int, int]] = []
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.type in OPENERS.values():
            opened.append(index)
        elif token.type in OPENERS:
            if not opened or tokens[opened[-1]].type != OPENERS[token.type]:
                return None
            pairs.append((opened.pop(), index))
    return None if opened else pairs


def too_deep(source: Source, tokens: list[Token]) -> Diagnostic | None:
    """An error at the brace or parenthesis that opens one level too many."""
    depth = 0
    for token in tokens:
        if token.type in ("LBRACE", "LPAR"):
            depth += 1
            if depth > MAX_NESTING:
                return diagnose(
                    "nested-too-deeply", Span(source, token.start, token.end), limit=MAX_NESTING, what="text"
                )
        elif token.type in ("RBRACE", "RPAR"):
            depth -= 1
    return None


_WHOLE = re.compile(r"0|[1-9][0-9]*")
_DECIMAL = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def read_number(text: str, span: Span) -> tuple[int | float | None, Diagnostic | None]:
    """The value of a token that begins like a number, or None and what is wrong with it."""
    if _WHOLE.fullmatch(text):
        # Python refuses to convert more than 4,300 digits, so the length is looked at first.
        if len(text) > 16 or int(text) > MAX_WHOLE:
            return None, diagnose("number-too-large", span, limit=MAX_WHOLE)
        return int(text), None
    if _DECIMAL.fullmatch(text):
        value = float(text)
        if value in (float("inf"), float("-inf")):
            return None, diagnose("number-too-large", span, limit=None)
        return value, None
    mend = mend_number(text)
    found = diagnose("malformed-number", span, text=text, mend=mend)
    if mend is not None and is_sure(text, mend):
        found = found._replace(fix=Fix(found.help[0], (Edit(span, mend),)))
    return None, found


def mend_number(text: str) -> str | None:
    """What was probably meant, or None."""
    if re.fullmatch(r"0[xX][0-9A-Fa-f]{1,12}|0[bB][01]{1,40}", text):
        return str(int(text, 0))
    if match := re.fullmatch(r"([1-9][0-9]*)[xX]([1-9][0-9]*)", text):
        return f"({match[1]}, {match[2]})"
    if re.fullmatch(r"[1-9][0-9]*(x[1-9][0-9]*){2,}", text):
        return text.replace("x", ", ")
    if re.fullmatch(r"\.[0-9]+([eE][+-]?[0-9]+)?", text):
        return "0" + text
    if re.fullmatch(r"[0-9]+\.", text):
        return text + "0"
    if re.fullmatch(r"0+[0-9]+", text):
        return text.lstrip("0") or "0"
    if re.fullmatch(r"[0-9]{1,3}(_[0-9]+)+", text):
        return text.replace("_", "")
    if re.fullmatch(r"[0-9][0-9OolI]*", text):
        digits = text.translate(str.maketrans("OolI", "0011"))
        return digits.lstrip("0") or "0"
    if match := re.fullmatch(r"([0-9]+)([A-Za-z][A-Za-z_]*)", text):
        if len(match[2]) == 1:
            return None if match[2] in "xXeEkKMG" else f"{match[2].lower()}{match[1]}"
        return f"{match[1]} {match[2]}"
    return None


def is_sure(text: str, mend: str) -> bool:
    """Whether nothing else can have been meant: another writing of one number, or a pair with an x between."""
    return (not mend[0].isalpha() and " " not in mend) or bool(re.fullmatch(r"\d+[xX]\d+", text))
