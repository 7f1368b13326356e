"""A piece that does not parse, explained: the one mistake that most likely made it so, and the piece without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from archdsl.diagnostics.diagnostic import Diagnostic
from archdsl.source import Source
from archdsl.syntax.mistakes.arguments import Arguments
from archdsl.syntax.mistakes.piece import Found
from archdsl.syntax.tokens import Token


class Mistake(NamedTuple):
    """A mistake explained.

    mended: the piece without it, each next where the one before does not get further; none where nothing is left.
    """

    diagnostic: Diagnostic
    mended: Iterator[list[Token]]


def explain_mistake(source: Source, tokens: list[Token], at: int, expected: frozenset[str]) -> Mistake:
    """The error for a piece whose token at index `at` fits nowhere; `at` is their number where more was expected."""
    piece = _Explained(source, tokens, at, expected)
    found = piece.explain()
    return Mistake(found.diagnostic, piece.mended(found.changes))


class _Explained(Arguments):
    """All explanations, in the order in which they are tried."""

    def explain(self) -> Found:
        explanations: tuple[Callable[[], Found | None], ...] = (
            self.name,
            self.word_of_another_language,
            self.stray,
            self.unclosed_by_lines,
            self.unclosed_by_bars,
            self.unopened_by_lines,
            self.at_the_end,
            self.parenthesis,
            self.closer,
            self.bar,
            self.number,
            self.sign_of_another_language,
            self.let,
            self.loop,
            self.import_,
            self.sign_before_brace,
            self.body_without_braces,
            self.label_without_braces,
            self.keyword,
            self.parameter,
            self.comparison,
            self.assignment,
            self.argument,
            self.value_as_item,
            self.brackets_around_items,
            self.text,
        )
        for explanation in explanations:
            found = explanation()
            if found is not None:
                return found
        after = self.before.text if self.at else None
        return self.found("unexpected", self.at, cut=True, found=self.token.text, expected=self.wanted(), after=after)
