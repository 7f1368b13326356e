"""The tokens of a piece that does not parse, and the piece with a mistake mended or cut out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label
from archdsl.source import Source, Span
from archdsl.syntax.mistakes.words import CLOSERS
from archdsl.syntax.tokens import OPENERS, Cut, Token


class Found(NamedTuple):
    """What is said, and the tokens that stand for others: (first, end, tokens); None where an item is cut out."""

    diagnostic: Diagnostic
    changes: tuple[tuple[int, int, tuple[Token, ...]], ...] | None = None


class Piece:
    """The tokens of a piece, and where it fails.

    token: the one that does not fit; before: the one in front of it. At the edges, one of type "$END".
    open: the indices of the brackets that are open there, outermost first.
    in_parentheses: whether the innermost of them is a parenthesis. at_item: whether an item might have stood there.
    """

    def __init__(self, source: Source, tokens: list[Token], at: int, expected: frozenset[str]) -> None:
        self.source = source
        self.tokens = tokens
        self.at = at
        self.expected = expected
        self.token = self.get(at)
        self.before = self.get(at - 1)
        self.open: list[int] = []
        for index, token in enumerate(tokens[:at]):
            if token.type in CLOSERS:
                self.open.append(index)
            elif token.type in OPENERS and self.open:
                self.open.pop()
        self.in_parentheses = bool(self.open) and tokens[self.open[-1]].type == "LPAR"
        self.at_item = "FOR" in expected

    def get(self, index: int) -> Token:
        if 0 <= index < len(self.tokens):
            return self.tokens[index]
        end = self.tokens[-1].end if self.tokens else 0
        return Token("$END", "", end, end)

    def line(self, token: Token) -> int:
        return self.source.position(token.start)[0]

    def on_one_line(self, first: int, second: int) -> bool:
        return self.line(self.get(first)) == self.line(self.get(second))

    def begins_line(self, index: int) -> bool:
        return index == 0 or not self.on_one_line(index - 1, index)

    def end_of_line(self, index: int) -> int:
        """The index behind the last token on the line of one."""
        end = index + 1
        while end < len(self.tokens) and self.on_one_line(index, end):
            end += 1
        return end

    def touch(self, index: int) -> bool:
        """Whether nothing stands between a token and the one before it."""
        return index > 0 and self.get(index - 1).end == self.get(index).start

    def indent(self, token: Token) -> int:
        """How far the line of a token is indented."""
        line = self.source.line(self.line(token))
        return len(line) - len(line.lstrip(" \t"))

    def text_of(self, first: int, end: int) -> str:
        return self.source.text[self.get(first).start : self.get(end - 1).end]

    def lacks(self, opener: str) -> bool:
        """Whether more of these brackets are opened than closed in the piece."""
        kinds = [token.type for token in self.tokens]
        return kinds.count(opener) > kinds.count(CLOSERS[opener])

    def closes_on_its_line(self, opener: int) -> bool:
        """Whether a parenthesis is closed before its line ends, whatever stands in it."""
        depth = 0
        for token in self.tokens[opener : self.end_of_line(opener)]:
            depth += (token.type == "LPAR") - (token.type == "RPAR")
            if not depth:
                return True
        return False

    def closes_too_many(self) -> bool:
        """Whether more braces are closed than opened in the piece."""
        kinds = [token.type for token in self.tokens]
        return kinds.count("RBRACE") > kinds.count("LBRACE")

    def closing(self, opener: int) -> int | None:
        """The index of what closes a bracket, square ones too."""
        pairs = {**CLOSERS, "[": "]"}
        stack: list[str] = []
        for index in range(opener, len(self.tokens)):
            token = self.tokens[index]
            kind = token.text if token.type == "STRAY" else token.type
            if kind in pairs:
                stack.append(pairs[kind])
            elif kind in pairs.values():
                if stack.pop() != kind:
                    return None
                if not stack:
                    return index
        return None

    def keyword_around(self) -> str:
        """The keyword of the statement that this is in: what stands before is not in braces of its own."""
        depth = 0
        for index in range(self.at - 1, -1, -1):
            kind = self.tokens[index].type
            depth += (kind == "RPAR") - (kind == "LPAR")
            if kind in ("LBRACE", "RBRACE", "VBAR"):
                return ""
            if kind in ("IF", "FOR", "LET", "BLOCK", "IMPORT", "ELSE") and depth <= 0:
                # A let ends where an item may stand; what follows on its line may still be meant for it.
                return "" if kind == "LET" and self.at_item and not self.on_one_line(index, self.at) else kind
        return ""

    def found(
        self,
        code: str,
        first: int,
        end: int | None = None,
        /,
        *,
        related: tuple[Label, ...] = (),
        put: tuple[tuple[int, int, str], ...] = (),
        cut: bool = False,
        fix: bool = False,
        **facts: object,
    ) -> Found:
        """A mistake in the tokens from `first` to before `end`.

        put: what stands for tokens in the mended piece: from, to before, the text. cut: the item is cut out instead.
        fix: what is put is surely what was meant.
        """
        last = self.get(first if end is None else end - 1)
        diagnostic = diagnose(code, Span(self.source, self.get(first).start, last.end), related, **facts)
        if fix:
            edits = tuple(self.edit(*each) for each in put)
            message = (*diagnostic.help, diagnostic.primary.message)[0]
            diagnostic = diagnostic._replace(fix=Fix(message, edits))
        changes = tuple((start, stop, tuple(self.tokens_of(text, start, stop))) for start, stop, text in put)
        return Found(diagnostic, None if cut else changes)

    def tokens_of(self, text: str, first: int, end: int) -> Iterator[Token]:
        """The tokens of a text that is put in the place of others."""
        from archdsl.syntax.parse import load_tables  # It asks for this module in turn.

        start, stop = (self.get(first).start, self.get(end - 1).end) if end > first else (self.get(first - 1).end,) * 2
        for token in load_tables().tokens(Source("", text))[0]:
            yield Token(token.type, token.text, start, stop)

    def edit(self, first: int, end: int, text: str) -> Edit:
        """The change of the text that puts tokens in the place of others."""
        whole = self.source.text
        if end > first:
            start, stop = self.get(first).start, self.get(end - 1).end
            if not text and whole[start - 1 : start] in (" ", "\t") and whole[stop : stop + 1] in ("", " ", "\r", "\n"):
                start -= 1
            follows = whole[stop : stop + 1]
            if (text or whole[start - 1 : start]).isalnum() and (follows.isalnum() or follows == "_"):
                # Two words do not become one.
                text += " "
        elif text in (",", ")", "}"):
            start = stop = self.get(first - 1).end
        elif text == "(":
            start, stop = self.get(first - 1).end, self.get(first).start
        else:
            start = stop = self.get(first).start
            text += " "
        return Edit(Span(self.source, start, stop), text)

    def mended(self, changes: tuple[tuple[int, int, tuple[Token, ...]], ...] | None) -> Iterator[list[Token]]:
        """The piece as it may go on: the mistake mended, or cut out with its values, its item or the body around."""
        if changes:
            tokens = list(self.tokens)
            for first, end, put in sorted(changes, reverse=True):
                tokens[first:end] = put
            yield tokens
        yield from self.without_values()
        yield from self.without_item()
        brace = self.brace_around()
        if brace >= 0:
            closer = self.closing(brace)
            if closer is not None:
                yield [*self.tokens[: brace + 1], self.cut(brace + 1, closer), *self.tokens[closer:]]

    def brace_around(self) -> int:
        """The index of the innermost brace that is open, or -1."""
        return next((index for index in reversed(self.open) if self.tokens[index].type == "LBRACE"), -1)

    def cut(self, first: int, end: int) -> Cut:
        start = self.get(first).start if first < end else self.get(first - 1).end
        return Cut.of(tuple(self.tokens[first:end]), start)

    def without_values(self) -> Iterator[list[Token]]:
        """The piece without the values of the loop or the condition that the mistake stands in: its body is kept."""
        first = self.at - 1
        while self.get(first).type not in ("IN", "IF"):
            if first < 0 or self.get(first).type in ("LBRACE", "RBRACE", "VBAR"):
                return
            first -= 1
        if any(first > each > self.brace_around() for each in self.open):
            return
        end = self.at
        while self.get(end).type != "LBRACE":
            if end >= len(self.tokens) or not self.on_one_line(first, end):
                return
            end += 1
        if end > first + 1:
            yield [*self.tokens[: first + 1], self.cut(first + 1, end), *self.tokens[end:]]

    def without_item(self) -> Iterator[list[Token]]:
        """The piece without the line of the mistake, as far as it stands in the braces around, or in none."""
        brace = self.brace_around()
        balanced = not self.lacks("LPAR")
        first = brace + 1
        depth = 0
        for index in range(brace + 1, min(self.at + 1, len(self.tokens))):
            kind = self.tokens[index].type
            starts = self.begins_line(index) and kind in ("NAME", "LET", "FOR", "IF", "NUMBER", "STRAY")
            if not depth and (starts or self.get(index - 1).type == "VBAR") and (index < self.at or self.at_item):
                first = index
            depth += (kind in CLOSERS) - (kind in OPENERS)
        depth = 0
        end = first
        while end < len(self.tokens):
            kind = self.tokens[end].type
            if end > self.at or (end == self.at and first < end):
                at_brace = depth <= 0
                if at_brace and (kind in ("RBRACE", "VBAR") and brace >= 0):
                    break
                begins = self.begins_line(end) and kind in ("NAME", "LET", "FOR", "IF")
                goes_on = self.get(end - 1).type in ("COMMA", "LPAR", "EQUAL", "PLUS", "MINUS", "TIMES", "AND", "OR")
                if end > self.at and at_brace and begins and not goes_on:
                    break
            if balanced or kind in ("LBRACE", "RBRACE"):
                depth += (kind in CLOSERS) - (kind in OPENERS)
            end += 1
        if brace >= 0 and end == len(self.tokens):
            return
        if end > first and (brace >= 0 or first > 0 or end < len(self.tokens)):
            yield [*self.tokens[:first], self.cut(first, end), *self.tokens[end:]]

    def wanted(self) -> str:
        """What would have fitted, in words."""
        kinds = self.expected
        words = []
        if "NUMBER" in kinds:
            words.append("a value")
        elif "FOR" in kinds:
            words.append("a layer or block")
        elif "NAME" in kinds:
            words.append("a name")
        if "STRING" in kinds and "NUMBER" not in kinds and "FOR" not in kinds:
            words.append("a path in double quotes")
        signs = {
            "LPAR": "(",
            "RPAR": ")",
            "LBRACE": "{",
            "RBRACE": "}",
            "COMMA": ",",
            "EQUAL": "=",
            "COLON": ":",
            "IN": "in",
        }
        leaves_out = {"LPAR", "LBRACE", "COLON"} if words else set()
        words += [f"`{sign}`" for kind, sign in signs.items() if kind in kinds and kind not in leaves_out]
        if not words:
            return "the end of the statement"
        return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
