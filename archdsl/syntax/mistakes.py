"""A piece that does not parse, explained: the one mistake that most likely made it so, and the piece without it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label
from archdsl.source import Source, Span
from archdsl.syntax.foreign import mended_name, plain
from archdsl.syntax.tokens import MAX_WHOLE, OPENERS, Cut, Token, is_sure, mend_number

_CLOSERS = {opener: closer for closer, opener in OPENERS.items()}
_SIGNS = {"LBRACE": "{", "RBRACE": "}", "LPAR": "(", "RPAR": ")"}
_OPERATORS = ("EQUAL", "COMPARE", "PLUS", "MINUS", "TIMES", "STRAY", "VBAR", "COMMA", "COLON")
_KEYWORDS = ("IMPORT", "BLOCK", "LET", "FOR", "IN", "IF", "ELSE", "AND", "OR", "NOT", "TRUE", "FALSE")
_VALUES = ("NAME", "NUMBER", "LPAR", "TRUE", "FALSE", "STRING", "MINUS", "NOT")
_NEVER_IN_PARENTHESES = ("LBRACE", "VBAR", "COLON", "EQUAL", "IMPORT", "BLOCK", "LET", "FOR", "IN", "IF", "ELSE")
_ARROWS = ("->", "=>", ">>", "|>", "-->", "==>", ">")
_COMMENTS = ("//", "/*", "--", "%", '"""', "<!--")
_JOINS = ("concat", "add", "mul")
_BODIES = (*_JOINS, "seq", "repeat", "aux")
_REPEATS = ("x", "X", "*", "times")

_PYTHON_MODULES = ("torch", "torchvision", "tensorflow", "keras", "numpy", "timm", "nn", "math", "os", "sys", "flax")

FUNCTIONS = ("min", "max", "round", "floor", "ceil", "len", "range", "choose", "make_divisible")
"""The functions of values; every other word with parentheses is a layer or a block."""

KEYWORDS_ELSEWHERE = {
    "elif": "else if",
    "elseif": "else if",
    "elsif": "else if",
    "while": "repeat(3) { ... }",
    "do": "repeat(3) { ... }",
    "foreach": "for c in (64, 128) { ... }",
    "switch": "if condition { ... } else { ... }",
    "case": "if condition { ... } else { ... }",
    "match": "if condition { ... } else { ... }",
    "unless": "if not condition { ... }",
    "def": "block name(parameter) { ... }",
    "define": "block name(parameter) { ... }",
    "function": "block name(parameter) { ... }",
    "func": "block name(parameter) { ... }",
    "fn": "block name(parameter) { ... }",
    "fun": "block name(parameter) { ... }",
    "class": "block name(parameter) { ... }",
    "struct": "block name(parameter) { ... }",
    "module": "block name(parameter) { ... }",
    "model": "block name(parameter) { ... }",
    "network": "block name(parameter) { ... }",
    "macro": "block name(parameter) { ... }",
    "const": "let",
    "var": "let",
    "val": "let",
    "local": "let",
    "set": "let",
    "int": "let",
    "float": "let",
    "auto": "let",
    "include": "import",
    "use": "import",
    "using": "import",
    "require": "import",
    "load": "import",
    "from": 'import "blocks.arch"',
    "return": "",
    "yield": "",
    "end": "}",
    "endif": "}",
    "endfor": "}",
    "begin": "{",
    "as": "",
    "with": "",
    "try": "",
    "print": "",
    "assert": "",
    "lambda": "block name(parameter) { ... }",
}
"""Words that begin a statement in other languages, with what is written here; "" where nothing is."""


def surely_meant(number: str) -> str | None:
    """What a malformed number surely means, or None."""
    mend = mend_number(number) if not number.isdecimal() else None
    return mend if mend is not None and is_sure(number, mend) else None


class Mistake(NamedTuple):
    """A mistake explained.

    mended: the piece without it, each next where the one before does not get further; none where nothing is left.
    """

    diagnostic: Diagnostic
    mended: Iterator[list[Token]]


class _Found(NamedTuple):
    """What is said, and the tokens that stand for others: (first, end, tokens); None where an item is cut out."""

    diagnostic: Diagnostic
    changes: tuple[tuple[int, int, tuple[Token, ...]], ...] | None = None


def explain_mistake(source: Source, tokens: list[Token], at: int, expected: frozenset[str]) -> Mistake:
    """The error for a piece whose token at index `at` fits nowhere; `at` is their number where more was expected."""
    piece = _Piece(source, tokens, at, expected)
    found = piece.explain()
    return Mistake(found.diagnostic, piece.mended(found.changes))


class _Piece:
    """The tokens of a piece, and where it fails.

    token: the one that does not fit; before: the one in front of it. At the edges, one of type "$END".
    open: the indices of the brackets that are open there, outermost first.
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
            if token.type in _CLOSERS:
                self.open.append(index)
            elif token.type in OPENERS and self.open:
                self.open.pop()
        self.in_parentheses = bool(self.open) and tokens[self.open[-1]].type == "LPAR"
        self.at_item = "FOR" in expected

    def explain(self) -> _Found:
        explanations: tuple[Callable[[], _Found | None], ...] = (
            self.name,
            self.word_of_another_language,
            self.stray,
            self.unclosed_by_lines,
            self.unclosed_by_bars,
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

    # Tokens

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
        return kinds.count(opener) > kinds.count(_CLOSERS[opener])

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
        pairs = {**_CLOSERS, "[": "]"}
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

    # What is found

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
    ) -> _Found:
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
        return _Found(diagnostic, None if cut else changes)

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
            if text and text[-1].isalnum() and (whole[stop : stop + 1].isalnum() or whole[stop : stop + 1] == "_"):
                text += " "
        elif text in (",", ")", "}"):
            start = stop = self.get(first - 1).end
        elif text == "(":
            start, stop = self.get(first - 1).end, self.get(first).start
        else:
            start = stop = self.get(first).start
            text += " "
        return Edit(Span(self.source, start, stop), text)

    # The piece without the mistake

    def mended(self, changes: tuple[tuple[int, int, tuple[Token, ...]], ...] | None) -> Iterator[list[Token]]:
        """The piece as it may go on: with the mistake mended, then without its item, then without the body around."""
        if changes:
            tokens = list(self.tokens)
            for first, end, put in sorted(changes, reverse=True):
                tokens[first:end] = put
            yield tokens
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
            depth += (kind in _CLOSERS) - (kind in OPENERS)
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
                depth += (kind in _CLOSERS) - (kind in OPENERS)
            end += 1
        if brace >= 0 and end == len(self.tokens):
            return
        if end > first and (brace >= 0 or first > 0 or end < len(self.tokens)):
            yield [*self.tokens[:first], self.cut(first, end), *self.tokens[end:]]

    # Names

    def name(self) -> _Found | None:
        """What stands where a new name must, and is none: `let 3 = x`, `block b-c { ... }`, `stem-1: relu`."""
        if self.get(self.at - 1).type in ("LET", "BLOCK") or self.get(self.at - 2).type in ("LET", "BLOCK"):
            first = self.at if self.before.type in ("LET", "BLOCK") else self.at - 1
            end = first
            while end < len(self.tokens) and self.tokens[end].type in ("NAME", "NUMBER", "MINUS", "STRING", "STRAY"):
                if end > first and not self.touch(end):
                    break
                end += 1
            if end > self.at and any(token.type != "STRAY" for token in self.tokens[first:end]):
                return self.malformed_name(first, end)
            return None
        if self.in_parentheses:
            return None
        first = self.at
        while first and self.on_one_line(first - 1, self.at):
            if self.get(first - 1).type not in ("NAME", "NUMBER", "MINUS", "STRING"):
                break
            first -= 1
        end = self.at
        while self.get(end).type in ("NAME", "NUMBER", "MINUS", "STRING") or self.get(end).text in ("-", "."):
            end += 1
        before = self.get(first - 1).type
        stands_alone = self.begins_line(first) or before in ("LBRACE", "RBRACE", "VBAR", "RPAR")
        is_label = self.get(end).type == "COLON" and self.on_one_line(first, end) and stands_alone
        if end - first == 1 and self.get(first).type == "NAME":
            return None
        if not is_label or end == self.at or end - first > 4 or self.get(first).text in (*_BODIES, "input"):
            return None
        return self.malformed_name(first, end)

    def malformed_name(self, first: int, end: int) -> _Found:
        text = self.text_of(first, end)
        mend = mended_name(text.strip("\"'"))
        quoted = end == first + 1 and self.tokens[first].type == "STRING" and mend == text[1:-1]
        put = ((first, end, mend),) if mend else ()
        return self.found("malformed-name", first, end, put=put, cut=not mend, fix=quoted, text=text, mend=mend)

    def word_of_another_language(self) -> _Found | None:
        """A keyword of another language that begins a statement on this line."""
        for index in range(min(self.at, len(self.tokens) - 1), -1, -1):
            if not self.on_one_line(index, min(self.at, len(self.tokens) - 1)):
                return None
            token = self.tokens[index]
            following, before = self.get(index + 1).type, self.get(index - 1).type
            if token.type != "NAME" or token.text not in KEYWORDS_ELSEWHERE or following in ("COLON", "EQUAL"):
                continue
            if (
                self.get(index - 2).type == "FOR"
                or before in ("LET", "BLOCK", "FOR", "IN", "COMMA", "LPAR", "COLON", "EQUAL", "IMPORT")
                or (following == "LPAR" and token.text not in ("while", "switch", "elif", "elseif", "require"))
            ):
                continue
            meant = KEYWORDS_ELSEWHERE[token.text]
            put: tuple[tuple[int, int, str], ...] = ()
            names_value = following == "NAME" and self.get(index + 2).type == "EQUAL"
            names_file = following == "STRING" and self.get(index + 1).text[:1] == '"'
            if {"else if": before == "RBRACE", "let": names_value, "import": names_file}.get(meant):
                put = ((index, index + 1, meant),)
            return self.found(
                "foreign-keyword",
                index,
                put=put,
                cut=not put,
                fix=bool(put),
                word=token.text,
                meant=meant,
            )
        return None

    # Signs that are none of the language

    def stray(self) -> _Found | None:
        """A sign that is no part of the language."""
        token, at = self.token, self.at
        if token.type != "STRAY":
            return None
        text = token.text
        comment = next((sign for sign in _COMMENTS if text.startswith(sign) and len(text) > len(sign)), None)
        if comment is not None:
            return self.comment(comment)
        if not text.isascii() and plain(text) != text and plain(text).isascii() and "." not in plain(text):
            return self.look_alike(plain(text))
        if text[0] == '"' and len(text) > 1:
            found = self.found("stray-character", at, put=((at, at + 1, text.rstrip() + '"'),), text='"')
            end = token.start + len(text.rstrip())
            fix = Fix(found.diagnostic.help[0], (Edit(Span(self.source, end, end), '"'),))
            return found._replace(diagnostic=found.diagnostic._replace(fix=fix))
        if text in ("[", "]"):
            return self.square_bracket()
        if text == "!" and not self.at_item and self.get(at + 1).type in _VALUES:
            return self.stray_sign(put=((at, at + 1, "not"),), meant="not")
        if text in ("&&", "&"):
            is_value = not self.at_item or self.keyword_around() in ("IF", "LET")
            return self.stray_sign(put=((at, at + 1, "and" if is_value else ""),), meant="and" if is_value else "")
        if text == "?" and (self.keyword_around() in ("LET", "IF") or self.in_parentheses):
            return self.found("condition-as-value", at, cut=True, found="?")
        if text == "^":
            return self.power(at, at + 1)
        if text in (";", "\\"):
            if text == ";" and self.parts_branches():
                return self.found(
                    "stray-character", at, put=((at, at + 1, "|"),), fix=True, text=";", meant="|", place="join"
                )
            is_comma = text == ";" and self.in_parentheses and "COMMA" in self.expected
            is_comma = is_comma and self.get(at + 1).type in ("NAME", "NUMBER")
            return self.stray_sign(put=((at, at + 1, "," if is_comma else ""),), meant="," if is_comma else None)
        if text == "." and self.at_item:
            return self.stray_sign(put=((at, at + 1, ""),), meant="")
        if text in "\"'" and "STRING" in self.expected:
            return self.found("stray-character", at, cut=True, text=text)
        return self.found("stray-character", at, put=((at, at + 1, ""),), text=text)

    def stray_sign(self, put: tuple[tuple[int, int, str], ...], meant: str | None) -> _Found:
        """A sign that surely stands for another, or for nothing."""
        place = "value" if self.in_parentheses else "item"
        return self.found("stray-character", self.at, put=put, fix=True, text=self.token.text, meant=meant, place=place)

    def comment(self, sign: str) -> _Found:
        """A comment of another language."""
        token = self.token
        found = self.found("stray-character", self.at, put=((self.at, self.at + 1, ""),), text=sign)
        diagnostic = found.diagnostic
        start, stop = token.start, token.start + len(sign)
        diagnostic = diagnostic._replace(primary=diagnostic.primary._replace(span=Span(self.source, start, stop)))
        closer = {"/*": "*/", '"""': '"""', "<!--": "-->"}.get(sign, "")
        rest = self.source.text[token.end :].split("\n", 1)[0]
        if "\n" not in token.text and not (closer and rest.strip()):
            edits = [Edit(Span(self.source, start, stop), "#")]
            if closer:
                end = start + len(token.text[: -len(closer)].rstrip())
                edits.append(Edit(Span(self.source, end, token.end), ""))
            diagnostic = diagnostic._replace(fix=Fix(diagnostic.help[0], tuple(edits)))
        return found._replace(diagnostic=diagnostic)

    def look_alike(self, text: str) -> _Found:
        """A sign that looks like one of the language: of full width, another dash, a times sign."""
        at = self.at
        between = self.before.type == "NUMBER" and self.get(at + 1).type == "NUMBER"
        if text == "*" and between and self.in_parentheses:
            return self.pair_of_sizes(at - 1, at + 2)
        if self.at_item and text in ("-", "->", "=>", "*") and self.before.type != "NUMBER":
            text = ""
        return self.found(
            "stray-character", at, put=((at, at + 1, text),), fix=True, text=self.token.text, meant=text, place="item"
        )

    def pair_of_sizes(self, first: int, end: int) -> _Found:
        """`3 x 3`, where a pair is meant."""
        mend = f"({self.get(first).text}, {self.get(end - 1).text})"
        return self.found(
            "malformed-number",
            first,
            end,
            put=((first, end, mend),),
            fix=True,
            text=self.text_of(first, end),
            mend=mend,
        )

    def square_bracket(self) -> _Found:
        """`[1, 2]` for a tuple, `conv[64, 3]` for a call."""
        at = self.at
        closer = self.closing(at) if self.token.text == "[" else None
        if self.token.text == "]":
            if self.open:
                opener = self.get(self.open[-1])
                wanted = _SIGNS[_CLOSERS[opener.type]]
                related = (Label(Span(self.source, opener.start, opener.end), "opened here"),)
                return self.found(
                    "wrong-closer",
                    at,
                    related=related,
                    put=((at, at + 1, wanted),),
                    fix=True,
                    closer="]",
                    wanted=wanted,
                )
            return self.found("unopened", at, put=((at, at + 1, ""),), closer="]", opener="[")
        is_call = self.before.type == "NAME" and "LPAR" in self.expected
        if closer is None:
            return self.found(
                "stray-character", at, cut=True, text="[", meant=None, place="call" if is_call else "value"
            )
        if is_call and self.before.text in _BODIES:
            return self.found("stray-character", at, cut=True, text="[", meant=None, place="body")
        inside = self.tokens[at + 1 : closer]
        if not is_call and self.at_item:
            return self.found("stray-character", at, cut=True, text="[", meant=None, place="item")
        single = not is_call and not any(token.type == "COMMA" for token in inside)
        put = ((at, at + 1, "("), (closer, closer + 1, ",)" if single else ")"))
        if single and self.in_parentheses:
            put = ((at, at + 1, ""), (closer, closer + 1, ""))
        place = "call" if is_call else "value"
        return self.found(
            "stray-character", at, put=put, cut=not inside, fix=bool(inside), text="[", meant=None, place=place
        )

    def sign_of_another_language(self) -> _Found | None:
        """Signs that are whole in other languages and several tokens here: `->`, `**`, `||`."""
        if self.token.type not in _OPERATORS:
            return None
        first, end = self.at, self.at + 1
        while first and self.touch(first) and self.tokens[first - 1].type in _OPERATORS:
            first -= 1
        while end < len(self.tokens) and self.touch(end) and self.tokens[end].type in _OPERATORS:
            end += 1
        text = self.text_of(first, end)
        around = self.keyword_around()
        is_condition = around == "IF"
        if text in ("=>", "=<", "<>", "===", "!==", "~=") and is_condition:
            meant = {"=>": ">=", "=<": "<=", "<>": "!=", "===": "==", "!==": "!=", "~=": "!="}[text]
            return self.found(
                "stray-character",
                first,
                end,
                put=((first, end, meant),),
                fix=True,
                text=text,
                meant=meant,
                place="value",
            )
        if text == "||" and (is_condition or self.in_parentheses or around == "LET"):
            return self.found(
                "stray-character", first, end, put=((first, end, "or"),), fix=True, text=text, meant="or", place="value"
            )
        if text == "**":
            return self.power(first, end)
        if text in ("=>", ":=") and self.in_parentheses and self.get(first - 1).type == "NAME":
            return self.colon(first, end)
        if (text in _ARROWS and self.at_item) or text in ("->", "=>", ">>", "|>"):
            is_item = not self.in_parentheses and around == ""
            return self.found(
                "stray-character",
                first,
                end,
                put=((first, end, ""),),
                cut=not is_item,
                fix=is_item,
                text=text,
                meant="" if is_item else None,
                place="item" if is_item else "value",
            )
        if text == "//" and self.at_item:
            found = self.found("stray-character", first, end, put=((first, self.end_of_line(first), ""),), text=text)
            fix = Fix(found.diagnostic.help[0], (Edit(found.diagnostic.primary.span, "#"),))
            return found._replace(diagnostic=found.diagnostic._replace(fix=fix))
        if text == "," and not self.in_parentheses:
            return self.comma()
        return None

    def comma(self) -> _Found:
        """A comma outside of parentheses."""
        at = self.at
        around = self.keyword_around()
        after = [self.get(at + 1), self.get(at + 2)]
        is_item = after[0].type == "NAME" and after[1].type == "LPAR" and after[0].text not in FUNCTIONS
        if around == "LET" and not is_item:
            number = self.source.text[self.before.start : after[0].end]
            if re.fullmatch(r"[1-9][0-9]{0,2},[0-9]{3}", number):
                mend = number.replace(",", "")
                return self.found(
                    "malformed-number", at - 1, at + 2, put=((at - 1, at + 2, mend),), fix=True, text=number, mend=mend
                )
            if "EQUAL" in self.expected:
                return self.found("several-names", at, cut=True)
            if after[0].type == "NAME" and after[1].type == "EQUAL":
                name = after[0].text
                return self.found("missing-let", at + 1, put=((at, at + 1, " let"),), fix=True, name=name)
            return self.bare_tuple("LET")
        if around == "FOR":
            return self.bare_tuple("IN" if "IN" not in self.expected else "FOR")
        if self.parts_branches():
            return self.found(
                "stray-character", at, put=((at, at + 1, "|"),), fix=True, text=",", meant="|", place="join"
            )
        return self.found("stray-character", at, put=((at, at + 1, ""),), fix=True, text=",", meant="", place="item")

    def parts_branches(self) -> bool:
        """Whether a sign stands in the braces of `concat`, `add` or `mul`, in which no bar was written."""
        brace = self.brace_around()
        if brace < 1 or self.get(brace - 1).text not in _JOINS:
            return False
        bars = [token for token in self.tokens[brace : self.closing(brace)] if token.type == "VBAR"]
        return all(self.source.text[bar.start] != "|" for bar in bars)

    def bare_tuple(self, opener: str) -> _Found:
        """Values or names with commas, without the parentheses of a tuple."""
        first = self.at
        while (
            first
            and self.get(first - 1).type != opener
            and not (opener == "LET" and self.get(first - 1).type == "EQUAL")
        ):
            first -= 1
        end = self.at
        while end < self.end_of_line(self.at) and self.get(end).type in ("NAME", "NUMBER", "COMMA", "MINUS"):
            end += 1
        if self.get(end - 1).type == "COMMA":
            return self.found("stray-character", self.at, cut=True, text=",", meant=None, place="value")
        text = f"({self.text_of(first, end)})"
        put = ((first, first, "("), (end, end, ")"))
        found = self.found("bare-tuple", first, end, put=put, text=text)
        fix = Fix(found.diagnostic.help[0], (Edit(found.diagnostic.primary.span, text),))
        return found._replace(diagnostic=found.diagnostic._replace(fix=fix))

    def power(self, first: int, end: int) -> _Found:
        """`2 ** 3`, `2 ^ 3`."""
        base, exponent = self.get(first - 1), self.get(end)
        value = None
        if base.text.isdecimal() and exponent.text.isdecimal() and len(base.text) < 5 and len(exponent.text) < 3:
            power = int(base.text) ** int(exponent.text)
            value = str(power) if power <= MAX_WHOLE else None
        put = ((first - 1, end + 1, value),) if value else ()
        return self.found(
            "stray-character",
            first,
            end,
            put=put,
            cut=not put,
            fix=bool(put),
            text=self.text_of(first, end),
            meant=value,
            place="power",
        )

    # Brackets

    def unclosed_by_lines(self) -> _Found | None:
        """A bracket that the lines say was left open: a line at or left of its own line is not inside it."""
        if not self.lacks("LPAR") and not self.lacks("LBRACE"):
            return None
        stack: list[int] = []
        last_line = 0
        for index, token in enumerate(self.tokens):
            line = self.line(token)
            if line > last_line and stack and index <= self.at and not self.goes_on(index, stack[-1]):
                last_line = line
                opener = self.tokens[stack[-1]]
                column = self.source.position(token.start)[1] - 1
                left = self.indent(opener)
                stays = token.type in ("RBRACE", "RPAR", "VBAR", "ELSE")
                if column < left or (column == left and not stays and line > self.line(opener)):
                    return self.unclosed(stack[-1], index)
            last_line = max(last_line, line)
            if token.type in _CLOSERS:
                stack.append(index)
            elif token.type in OPENERS and stack:
                if self.tokens[stack[-1]].type != OPENERS[token.type]:
                    return None
                stack.pop()
        return None

    def unclosed_by_bars(self) -> _Found | None:
        """A brace that a bar says was left open: it stands in a branch of a join, and holds no branches itself."""
        if not self.lacks("LBRACE"):
            return None
        stack: list[int] = []
        for index, token in enumerate(self.tokens[: self.at]):
            if token.type in _CLOSERS:
                stack.append(index)
            elif token.type in OPENERS and stack:
                stack.pop()
            elif token.type == "VBAR" and stack:
                words = [self.get(each - 1).text for each in stack]
                if words[-1] not in _JOINS and any(word in _JOINS for word in words):
                    return self.unclosed(stack[-1], index)
        return None

    def goes_on(self, index: int, opener: int) -> bool:
        """Whether what stands in a parenthesis goes on in the next line, which begins with the token at `index`."""
        before = self.get(index - 1).type
        return self.tokens[opener].type == "LPAR" and before in ("COMMA", "LPAR", "EQUAL", "PLUS", "MINUS", "TIMES")

    def unclosed(self, opener: int, missed: int | None) -> _Found:
        """A bracket that is never closed; at the token `missed` it must have been."""
        bracket = self.tokens[opener]
        closer = _SIGNS[_CLOSERS[bracket.type]]
        related: tuple[Label, ...] = ()
        if missed is None:
            last = self.tokens[-1].end
            is_last = not self.source.text[last:].strip()
            before = "the end of the file" if is_last else f"line {self.source.position(last)[0] + 1}"
        else:
            token = self.tokens[missed]
            related = (Label(Span(self.source, token.start, token.end), "not inside any more"),)
            before = f"`{token.text}`" if self.line(token) == self.line(bracket) else f"line {self.line(token)}"
        found = self.found("unclosed", opener, related=related, opener=bracket.text, closer=closer, before=before)
        end = len(self.tokens) if missed is None else missed
        put = tuple(self.tokens_of(closer, end, end))
        if bracket.type == "LBRACE":
            # A body of which nothing is known, where nothing was written.
            nothing = (self.cut(end, end),) if end == opener + 1 else ()
            return found._replace(changes=((end, end, (*nothing, *put)),))
        nested = any(token.type == "LPAR" for token in self.tokens[opener + 1 : end])
        flat = not nested and end > opener + 1 and self.get(end - 1).type not in ("COMMA", "EQUAL", *_OPERATORS)
        is_sign = missed is not None and self.tokens[missed].type in _NEVER_IN_PARENTHESES
        if flat and (is_sign or missed is None or self.begins_line(missed)):
            return found._replace(changes=((end, end, put),))
        return found._replace(changes=None)

    def at_the_end(self) -> _Found | None:
        if self.token.type != "$END":
            return None
        if self.open:
            return self.unclosed(self.open[-1], None)
        last = self.at - 1
        if self.before.type == "VBAR":
            return self.bar_at_the_edge(last, self.at)
        return self.found("unfinished", last, cut=True, after=self.before.text, expected=self.wanted())

    def parenthesis(self) -> _Found | None:
        """A sign or keyword that stands in no parentheses, where some are open."""
        if not self.in_parentheses or self.token.type not in _NEVER_IN_PARENTHESES or not self.lacks("LPAR"):
            return None
        if not self.closes_on_its_line(self.open[-1]):
            return self.unclosed(self.open[-1], self.at)
        return None

    def belongs_to_if(self, brace: int) -> bool:
        """Whether an `if` opened the brace."""
        for token in reversed(self.tokens[:brace]):
            if token.type in ("LBRACE", "RBRACE", "IF"):
                return token.type == "IF"
        return False

    def closer(self) -> _Found | None:
        """A closer that closes nothing, or the other kind of bracket."""
        token, at = self.token, self.at
        opener = OPENERS.get(token.type)
        if opener is None:
            return None
        if not self.open:
            return (opener == "LBRACE" and self.unopened_body()) or self.found(
                "unopened", at, put=((at, at + 1, ""),), closer=token.text, opener=_SIGNS[opener]
            )
        innermost = self.get(self.open[-1])
        if innermost.type != opener:
            kinds = [each.type for each in self.tokens]
            stands_for_other = self.lacks(innermost.type) and kinds.count(token.type) > kinds.count(opener)
            if not stands_for_other and any(self.tokens[each].type == opener for each in self.open):
                return self.unclosed(self.open[-1], at)
            related = (Label(Span(self.source, innermost.start, innermost.end), "opened here"),)
            wanted = _SIGNS[_CLOSERS[innermost.type]]
            return self.found(
                "wrong-closer", at, related=related, put=((at, at + 1, wanted),), closer=token.text, wanted=wanted
            )
        if self.before.type == "VBAR":
            return self.bar_at_the_edge(at - 1, at)
        if self.before.type == "TIMES" and self.before.text == "%" and self.get(at - 2).text.isdecimal():
            number = int(self.get(at - 2).text)
            mend = str(number / 100) if number <= 100 else None
            return self.found(
                "malformed-number",
                at - 2,
                at,
                put=((at - 2, at, mend or "?"),),
                fix=bool(mend),
                text=f"{number}%",
                mend=mend,
            )
        return None

    def bar_at_the_edge(self, bar: int, place: int) -> _Found:
        """A bar with an empty branch beside it, where the token at `place` stands; it goes on as a branch not known."""
        return self.found("bar-at-the-edge", bar)._replace(changes=((place, place, (self.cut(place, place),)),))

    def unopened_body(self) -> _Found | None:
        """The head of a body whose opening brace lacks, where a closing one is left over."""
        for index in range(self.at - 1, -1, -1):
            token = self.tokens[index]
            if token.type == "NAME" and token.text in _BODIES and self.get(index - 1).type not in ("LPAR", "COMMA"):
                end = index + 1
                if self.get(end).type == "LPAR":
                    end = (self.closing(end) or end) + 1
                if self.get(end).type not in ("LBRACE", "COLON", "COMMA", "RPAR", "EQUAL"):
                    put = ((end, end, "{"),)
                    return self.found("missing-body", index, put=put, word=token.text)
            if (
                token.type == "COLON"
                and not self.on_one_line(index, index + 1)
                and self.get(index + 1).type != "LBRACE"
            ):
                keyword = self.get(index - 1).text
                put = ((index + 1, index + 1, "{"),)
                return self.found("missing-braces", index, put=put, keyword=f"{keyword}:", found="...")
        return None

    def bar(self) -> _Found | None:
        """A bar with nothing before it, in parentheses, or outside of every body."""
        at = self.at
        if self.token.type != "VBAR":
            return None
        if self.open and not self.in_parentheses:
            if self.before.type in ("LBRACE", "VBAR"):
                return self.bar_at_the_edge(at, at)
            return None
        if self.in_parentheses:
            opener = self.open[-1]
            closer = self.closing(opener)
            word = self.get(opener - 1).text
            if word in _JOINS and closer is not None:
                put = ((opener, opener + 1, "{"), (closer, closer + 1, "}"))
                text = f"{word} {{ {self.text_of(opener + 1, closer)} }}"
                return self.found("bar-outside-braces", at, put=put, fix=True, text=text)
            return self.found("bar-outside-braces", at, cut=True, text=None)
        if not self.at_item or (self.get(at + 1).text == ">" and self.touch(at + 1)):
            return None
        first = at
        while first and self.on_one_line(first - 1, at) and self.get(first).text not in _JOINS:
            first -= 1
        word = self.get(first).text
        mend = f"{word} {{ {self.text_of(first + 1, self.end_of_line(at))} }}" if word in _JOINS else None
        return self.found("bar-outside-braces", at, cut=mend is not None, put=((at, at + 1, ""),), text=mend)

    # Statements

    def number(self) -> _Found | None:
        """A number cut in two: `3 x 3`, `64. 3`."""
        before, token, at = self.before, self.token, self.at
        between = before.type == "NUMBER" and self.get(at + 1).type == "NUMBER"
        if token.text in ("x", "X", "by") and between and self.in_parentheses:
            return self.pair_of_sizes(at - 1, at + 2)
        if self.in_parentheses and token.type == "NUMBER" and re.fullmatch(r"[0-9]+\.", before.text):
            mend = f"{before.text[:-1]}, {token.text}"
            return self.found(
                "malformed-number",
                at - 1,
                at + 1,
                put=((at - 1, at, before.text[:-1] + ","),),
                fix=True,
                text=self.text_of(at - 1, at + 1),
                mend=mend,
            )
        if token.type == "PLUS" and "MINUS" in self.expected and self.get(at + 1).type in ("NUMBER", "NAME", "LPAR"):
            return self.found(
                "stray-character", at, put=((at, at + 1, ""),), fix=True, text="+", meant="", place="value"
            )
        return None

    def let(self) -> _Found | None:
        """A let without its sign, of several names, of layers."""
        at, token = self.at, self.token
        around = self.keyword_around()
        if around != "LET":
            return None
        if self.before.type == "LET" and token.type == "LPAR":
            return self.found("several-names", at, cut=True)
        name = self.before.text
        if self.get(at - 2).type == "LET" and self.before.type == "NAME":
            if token.type in ("COLON", "COMPARE", "NUMBER", "MINUS", "TRUE", "FALSE", "NOT") and (
                token.text in (":", "==") or token.type not in ("COLON", "COMPARE")
            ):
                is_sign = token.type in ("COLON", "COMPARE")
                end = at + 1 if is_sign else at
                if token.text == ":" and self.get(at + 1).text in ("=", "int", "float"):
                    end = at + 2 + (self.get(at + 1).text != "=" and self.get(at + 2).text == "=")
                value = self.text_of(end, self.end_of_line(at))
                fix = f"let {name} = {value}"
                return self.found(
                    "let-without-equals", at, max(end, at + 1), put=((at, end, "="),), fix=True, name=name, mend=fix
                )
            if token.type in ("PLUS", "MINUS", "TIMES") and self.get(at + 1).type == "EQUAL":
                return self.found("let-changed", at, at + 2, cut=True, name=name)
            if token.type == "LPAR":
                return self.found("layers-as-value", at - 1, cut=True, name=name)
            return None
        if token.type in ("LBRACE", "BLOCK") and self.before.type == "EQUAL":
            closer = self.closing(at) if token.type == "LBRACE" else None
            if closer and any(each.type == "NUMBER" for each in self.tokens[at + 1 : at + 3]):
                put = ((at, at + 1, "("), (closer, closer + 1, ")"))
                text = f"({self.text_of(at + 1, closer)})"
                return self.found("bare-tuple", at, closer + 1, put=put, fix=True, text=text)
            return self.found("layers-as-value", at, cut=True, name=self.get(at - 2).text)
        if token.type == "IF" and self.before.type == "EQUAL":
            return self.found("condition-as-value", at, cut=True, found="if")
        if token.type == "EQUAL" and self.before.type == "NAME" and self.get(at - 2).type == "EQUAL":
            return self.found("several-names", at, cut=True)
        if token.text in ("mod", "div") or self.before.text in ("mod", "div"):
            index = at if token.text in ("mod", "div") else at - 1
            word = self.get(index).text
            meant = {"mod": "%", "div": "//"}[word]
            return self.found(
                "foreign-keyword", index, put=((index, index + 1, meant),), fix=True, word=word, meant=meant
            )
        return None

    def loop(self) -> _Found | None:
        """A `for` that does not read `for name in values { ... }`."""
        at, token = self.at, self.token
        if self.keyword_around() != "FOR":
            return None
        first = max(index for index in range(at) if self.tokens[index].type == "FOR")
        if any(each.type == "IN" for each in self.tokens[first:at]):
            if token.type == "LBRACE" and self.before.type == "IN":
                closer = self.closing(at)
                if closer and self.get(at + 1).type == "NUMBER":
                    put = ((at, at + 1, "("), (closer, closer + 1, ")"))
                    text = f"({self.text_of(at + 1, closer)})"
                    return self.found("bare-tuple", at, closer + 1, put=put, fix=True, text=text)
                return self.found("malformed-for", at, cut=True, mend=None)
            return None
        if token.type in _KEYWORDS and self.before.type == "FOR":
            return None
        if self.in_parentheses and token.type == "NAME" and "COMMA" in self.expected:
            return None
        if token.text in ("of", "from") and self.before.type == "NAME" and self.get(at + 1).type in ("LPAR", "NAME"):
            return self.found("malformed-for", at, put=((at, at + 1, "in"),), fix=True, mend="in")
        return self.found("malformed-for", at, cut=True, mend=None)

    def import_(self) -> _Found | None:
        """An import without a path in double quotes."""
        at, token = self.at, self.token
        if self.before.type != "IMPORT":
            return None
        if token.type == "STRING":
            return None
        end = self.end_of_line(at)
        path = next((each for each in self.tokens[at:end] if each.type == "STRING"), None)
        if path is not None:
            mend = f'"{path.text[1:-1]}"'
        else:
            word = re.match(r"[\w./-]+", self.source.text[token.start :])
            mend = (
                f'"{word[0]}"'
                if word and word[0].endswith(".arch")
                else f'"{word[0]}.arch"'
                if word
                else '"blocks.arch"'
            )
        if path is None and token.text.partition(".")[0] in _PYTHON_MODULES:
            return self.found("import-path", at, cut=True, mend=None)
        is_path = token.type in ("NAME", "LPAR") and (path is not None or ".arch" in mend)
        surely = path is not None and self.get(at).type == "LPAR" and end == at + 3
        surely = surely or token.text.endswith(".arch")
        put = ((at, at + 3 if token.type == "LPAR" else at + 1, mend),) if surely and is_path else ()
        return self.found("import-path", at, put=put, cut=not put, fix=bool(put), mend=mend)

    def sign_before_brace(self) -> _Found | None:
        """`else: {`, `block b = {`, `if x then {`: a sign or word before a body."""
        at, token = self.at, self.token
        if self.in_parentheses or self.get(at + 1).type != "LBRACE":
            return None
        if "LBRACE" not in self.expected and not (token.type == "COLON" and self.before.type == "RPAR"):
            return None
        is_name = token.type == "EQUAL" and self.before.type == "NAME" and self.get(at - 2).type != "BLOCK"
        if is_name or (token.type not in ("COLON", "EQUAL") and token.text not in ("then", "do", "begin")):
            return None
        return self.found("sign-before-brace", at, put=((at, at + 1, ""),), fix=True, sign=token.text)

    def body_without_braces(self) -> _Found | None:
        """`if x: relu`, `for c in (1, 2) conv(c)`, `repeat(3): relu`: a chain that no braces hold."""
        at, token = self.at, self.token
        opens = "LBRACE" in self.expected and token.type in ("NAME", "COLON", "LET", "FOR", "IF")
        word = None
        if opens:
            for earlier in reversed(self.tokens[:at]):
                if earlier.type in ("LBRACE", "RBRACE"):
                    if earlier.type == "RBRACE" or self.before is earlier:
                        return None
                    break
                if earlier.type in ("FOR", "IF", "ELSE", "BLOCK"):
                    word = earlier
                    break
        if word is None and token.type == "COLON" and self.before.type in ("RPAR", "NUMBER"):
            first = at - 1
            while first and self.on_one_line(first - 1, at):
                first -= 1
            word = self.get(first) if self.get(first).text in _BODIES else None
        if word is None:
            return None
        comparison = {"is": "==", "equals": "==", "eq": "=="}.get(token.text)
        if comparison and word.type == "IF":
            return self.found(
                "foreign-keyword", at, put=((at, at + 1, comparison),), fix=True, word=token.text, meant=comparison
            )
        first = at + 1 if token.type == "COLON" else at
        following = self.get(first)
        end = first
        if self.line(following) == self.line(token):
            end = self.end_of_line(first)
        elif token.type == "COLON":
            while end < len(self.tokens) and self.source.position(self.get(end).start)[1] - 1 > self.indent(word):
                end = self.end_of_line(end)
        inside = self.tokens[first:end]
        closed = all(
            sum(each.type == opener for each in inside) == sum(each.type == closer for each in inside)
            for closer, opener in OPENERS.items()
        )
        found = self.found(
            "missing-braces", at, keyword=word.text, found=self.text_of(first, end) if end > first else "relu"
        )
        opening = tuple(self.tokens_of("{", at, at))
        if self.closes_too_many():
            # Its closing brace is there.
            return found._replace(changes=((at, first, opening),))
        if end > first and closed:
            closing = tuple(self.tokens_of("}", end, end))
            return found._replace(changes=((at, first, opening), (end, end, closing)))
        return found._replace(changes=None)

    def keyword(self) -> _Found | None:
        """A keyword where a name or an item must stand."""
        at, token, before = self.at, self.token, self.before.type
        names = ("LET", "BLOCK", "FOR")
        if token.type in ("COLON", "EQUAL") and before in _KEYWORDS and before not in names:
            return self.found("keyword-as-name", at - 1, put=((at - 1, at, "renamed"),), word=self.before.text)
        if token.type not in _KEYWORDS:
            return None
        following = self.get(at + 1).type
        if "NAME" in self.expected and (before in names or following in ("COLON", "EQUAL")):
            return self.found("keyword-as-name", at, cut=True, word=token.text)
        if token.type == "ELSE":
            if self.open and self.lacks("LBRACE") and self.belongs_to_if(self.open[-1]):
                return self.unclosed(self.open[-1], at)
            first = at
            while first and self.on_one_line(first - 1, at):
                first -= 1
            if self.get(first).type == "LET":
                choice = next((index for index in range(first, at) if self.get(index).type == "IF"), at)
                return self.found("condition-as-value", choice, cut=True, found=self.get(choice).text)
            return self.found("else-without-if", at, cut=True)
        if token.type == "BLOCK" and self.open and not self.in_parentheses:
            return self.block_inside()
        if token.type == "IMPORT" and self.open:
            return self.found("import-inside", at, cut=True)
        if token.type == "IF" and self.in_parentheses:
            return self.found("condition-as-value", at, cut=True, found="if")
        if token.type in ("IN", "NOT") and self.keyword_around() == "IF":
            return self.found("foreign-keyword", at, cut=True, word=token.text, meant="x == 1 or x == 2")
        if "NAME" in self.expected and "NUMBER" not in self.expected and token.type in ("IN", "AND", "OR", "NOT"):
            return self.found("keyword-as-name", at, cut=True, word=token.text)
        return None

    def block_inside(self) -> _Found:
        """A block in a body. It is read at the end of the file level."""
        at = self.at
        brace = next((i for i in range(at, len(self.tokens)) if self.tokens[i].type == "LBRACE"), None)
        closer = None if brace is None else self.closing(brace)
        found = self.found("block-inside", at)
        if closer is None:
            return found._replace(changes=None)
        end = len(self.tokens)
        alone = self.before.type in ("LBRACE", "VBAR") and self.get(closer + 1).type in ("RBRACE", "VBAR")
        left = (self.cut(at, at),) if alone else ()
        moved = tuple(self.tokens[at : closer + 1])
        return found._replace(changes=((at, closer + 1, left), (end, end, moved)))

    def parameter(self) -> _Found | None:
        """What stands among the parameters of a block and is none."""
        if not self.in_parentheses or self.get(self.open[-1] - 2).type != "BLOCK":
            return None
        at, token = self.at, self.token
        name = self.before.text
        if token.type == "COLON" and self.before.type == "NAME":
            end = at + 2
            if self.get(at + 1).type == "NUMBER":
                put, mend = ((at, at + 1, "="),), f"{name}={self.get(at + 1).text}"
            elif self.get(end).type == "EQUAL":
                put, mend = ((at, end, ""),), f"{name}={self.get(end + 1).text}"
            else:
                put, mend = ((at, end, ""),), name
            return self.found("malformed-parameter", at, end, put=put, fix=True, mend=mend)
        if token.type == "NUMBER" and self.before.type == "NAME":
            mend = f"{name}={token.text}"
            return self.found("malformed-parameter", at, put=((at, at, "="),), mend=mend)
        if token.type in ("NUMBER", "STRING", "TIMES", "TRUE", "FALSE"):
            return self.found("malformed-parameter", at, cut=True, mend=None)
        return None

    def comparison(self) -> _Found | None:
        """A second comparison, and `=` for `==`."""
        at, token = self.at, self.token
        earlier = [each.type for each in self.tokens[:at]]
        if token.type == "COMPARE" and "COMPARE" in earlier:
            return self.found("chained-comparison", at, cut=True, operator=token.text)
        if token.type == "EQUAL":
            for kind in reversed(earlier):
                if kind == "IF":
                    return self.found("assignment-for-comparison", at, put=((at, at + 1, "=="),), fix=True)
                if kind in ("LBRACE", "RBRACE", "LET"):
                    break
        return None

    def assignment(self) -> _Found | None:
        """`x = 3` without let, `x = conv(64, 3)`, `input = (3, 32, 32)`, `stem = { ... }`."""
        at, token = self.at, self.token
        if token.type != "EQUAL" or self.before.type != "NAME" or self.in_parentheses:
            return None
        name, after = self.before.text, self.get(at + 1)
        if name == "input" and after.type == "LPAR":
            mend = self.text_of(at + 1, (self.closing(at + 1) or at + 1) + 1)
            return self.found("layer-assigned", at, put=((at, at + 1, ""),), fix=True, name=name, mend=f"input{mend}")
        start = self.get(at - 2)
        if (
            self.open
            and start.type in ("LBRACE", "VBAR")
            and after.type == "NAME"
            and self.get(at + 2).type
            in (
                "VBAR",
                "RBRACE",
                "NAME",
            )
        ):
            mend = after.text
            return self.found("layer-assigned", at, put=((at, at + 1, ":"),), fix=True, name=name, mend=mend)
        if start.type == "NAME" and self.on_one_line(at - 2, at) and self.keyword_around() == "":
            return self.named_outside_parentheses()
        if after.type == "LBRACE":
            mend = f"{name}: {{ ... }}"
            return self.found("layer-assigned", at, put=((at, at + 1, ":"),), fix=True, name=name, mend=mend)
        if after.type == "NAME" and self.get(at + 2).type == "LPAR" and after.text not in FUNCTIONS:
            closer = self.closing(at + 2)
            end = self.end_of_line(at) if closer is None else closer + 1
            while closer is not None and self.get(end).type in ("LPAR", "STRAY") and self.on_one_line(at, end):
                end += 1
            text = self.text_of(at + 1, end)
            layer = text if "." not in text and "\n" not in text else None
            return self.found("layer-assigned", at - 1, end, cut=True, name=name.rpartition(".")[2], mend=layer)
        return self.found("missing-let", at - 1, put=((at - 1, at - 1, "let"),), fix=True, name=name)

    def named_outside_parentheses(self) -> _Found:
        """`conv filters=64 size=3`: named arguments without their parentheses."""
        first = end = self.at - 1
        values = []
        while self.get(end).type == "NAME" and self.get(end + 1).type == "EQUAL" and self.on_one_line(first, end):
            stop = end + 3
            if self.get(end + 2).type == "LPAR":
                stop = (self.closing(end + 2) or end + 2) + 1
            values.append(self.text_of(end, stop))
            end = stop + (self.get(stop).type == "COMMA")
        text = f"{self.get(first - 1).text}({', '.join(values)})"
        return self.found("missing-parentheses", first, end, cut=True, value=self.text_of(first, end), mend=text)

    def argument(self) -> _Found | None:
        """Values next to each other without a comma, or outside of parentheses."""
        at, token, before = self.at, self.token, self.before
        if self.in_parentheses:
            if token.type == "COMMA" and before.type in ("COMMA", "LPAR"):
                put = ((at, at + 1, ""),)
                is_double = before.type == "COMMA"
                return self.found("empty-argument", at, put=put, cut=not is_double, fix=is_double)
            if token.type == "COLON" and before.type == "NAME":
                return self.colon(at, at + 1)
        if token.type in _VALUES and self.at and self.in_parentheses and "COMMA" in self.expected:
            if token.type == "NUMBER" and before.type == "NAME" and self.touch(at):
                text = self.text_of(at - 1, at + 1)
                return self.found("malformed-number", at - 1, at + 1, cut=True, text=text, mend=None)
            if self.lacks("LPAR") and not self.closes_on_its_line(self.open[-1]):
                return self.unclosed(self.open[-1], at)
            left, right = self.argument_around(at)
            is_flag = before.type == "NAME" and token.type == "NUMBER" and self.get(at - 2).type == "COMMA"
            return self.found(
                "missing-comma",
                at,
                put=((at, at, ","),),
                cut=is_flag,
                fix=not is_flag,
                before=left,
                found=right,
                named=f"{before.text}={token.text}" if is_flag else None,
            )
        is_colon = token.type == "NUMBER" and before.type == "COLON" and self.get(at - 2).type == "NAME"
        follows_word = is_colon or (before.type == "NAME" and "LPAR" in self.expected)
        if follows_word and token.type in ("NUMBER", "TRUE", "FALSE", "MINUS", "STRING"):
            return self.outside_parentheses(at - 1 if is_colon else at)
        if before.type == "COLON" and token.type == "LPAR" and self.get(at - 2).type == "NAME":
            return self.outside_parentheses(at - 1)
        return None

    def colon(self, first: int, end: int) -> _Found:
        """`p: 1` for `p=1`."""
        name, value = self.get(first - 1).text, self.get(end).text
        return self.found(
            "argument-with-colon",
            first,
            end,
            put=((first, end, "="),),
            fix=True,
            sign=self.text_of(first, end),
            mend=f"{name}={value}",
        )

    def argument_around(self, at: int) -> tuple[str, str]:
        """The whole arguments before and behind a place where a comma lacks, if they are short."""
        first, end = at - 1, at + 1
        depth = 0
        while first and (depth or self.get(first - 1).type not in ("COMMA", "LPAR", "LBRACE")):
            depth += (self.get(first).type == "RPAR") - (self.get(first).type == "LPAR")
            first -= 1
        while (
            self.get(end).type in ("EQUAL", "NUMBER", "MINUS", "TIMES") and self.get(end - 1).type != self.get(end).type
        ):
            end += 1
        left, right = self.text_of(first, at), self.text_of(at, end)
        if len(left) > 30 or "\n" in left or left.count("(") != left.count(")"):
            left = self.before.text
        return left, right

    def outside_parentheses(self, first: int) -> _Found:
        """`conv 96 11`, `conv: 64`: arguments without their parentheses."""
        start = first + (self.get(first).type == "COLON")
        end = start
        while self.on_one_line(start, end) and end < len(self.tokens):
            token = self.tokens[end]
            is_flag = re.fullmatch(r"[a-z][0-9]+", token.text) is not None and end > start
            if token.type not in ("NUMBER", "COMMA", "TRUE", "FALSE", "MINUS", "STRING") and not is_flag:
                break
            end += 1
        word = self.get(first - 1).text
        if word in _REPEATS:
            mend = f"repeat({self.get(start).text}) {{ ... }}"
            put = ((first - 1, start + 1, ""),)
            return self.found(
                "value-as-item", first - 1, start + 1, put=put, value=self.text_of(first - 1, start + 1), mend=mend
            )
        if self.get(start).type == "LPAR":
            closer = self.closing(start)
            text = self.text_of(start, closer + 1) if closer is not None else "(...)"
            return self.found(
                "missing-parentheses",
                first,
                put=((first, start, ""),),
                cut=closer is None,
                fix=closer is not None,
                value=":",
                mend=f"{word}{text}",
            )
        is_open = self.get(end).type == "RPAR"
        has_colon = self.get(end).type == "COLON" and word in _BODIES
        values = [
            (token.type == "NUMBER" and surely_meant(token.text)) or token.text
            for token in self.tokens[start:end]
            if token.type != "COMMA"
        ]
        single = re.fullmatch(r"[1-9][0-9]*(x[1-9][0-9]*)+", values[0]) if len(values) == 1 else None
        inside = ", ".join(values[0].split("x") if single else values).replace("-, ", "-")
        put = ((first, first, "("),) if is_open else ((first, end + has_colon, f"({inside})"),)
        certain = all(token.type in ("NUMBER", "COMMA", "NAME") for token in self.tokens[start:end]) and not has_colon
        body = " { ... }" if word in ("repeat", "aux") else ""
        found = self.found(
            "missing-parentheses",
            start,
            end,
            put=put,
            cut=(has_colon and self.get(end + 1).type != "LBRACE") or self.get(start).type == "MINUS",
            value=self.text_of(start, end),
            mend=f"{word}({inside}){body}",
        )
        diagnostic = found.diagnostic
        if certain:
            ending = "" if is_open else ")"
            place = Span(self.source, self.get(first - 1).end, self.get(end - 1).end)
            edits = (Edit(place, f"({inside}{ending}"),)
            diagnostic = diagnostic._replace(fix=Fix(diagnostic.help[0], edits))
        return found._replace(diagnostic=diagnostic)

    def value_as_item(self) -> _Found | None:
        """A value where a layer stands, and an operator between layers."""
        at, token = self.at, self.token
        if not self.at_item or self.in_parentheses:
            return None
        first = at
        while (
            first and self.on_one_line(first - 1, at) and self.get(first - 1).type not in ("LBRACE", "VBAR", "RBRACE")
        ):
            first -= 1
        if token.type == "COLON" and self.before.type == "COLON":
            return self.found("stray-character", at, put=((at, at + 1, ""),), fix=True, text=":", meant="")
        if token.type in ("PLUS", "MINUS", "TIMES", "COMPARE"):
            after = self.get(at + 1)
            if self.begins_line(at) and token.text in ("-", "*", "+") and after.type == "NAME":
                return self.found(
                    "stray-character", at, put=((at, at + 1, ""),), fix=True, text=token.text, meant="", place="mark"
                )
            if token.type == "PLUS" and self.parts_branches():
                return self.found("stray-character", at, put=((at, at + 1, "|"),), text="+", meant="|", place="join")
            repeats = token.text == "*" and after.type == "NUMBER"
            return self.found(
                "operator-between-layers",
                at,
                cut=True,
                sign=token.text,
                mend=f"repeat({after.text}) {{ {self.text_of(first, at)} }}" if repeats else None,
            )
        is_call = self.before.type == "LBRACE" and self.get(at - 2).type == "NAME" and self.touch(at - 1)
        closer = self.closing(at - 1) if is_call else None
        if token.type == "NUMBER" and closer is not None and self.get(at - 2).text not in _BODIES:
            text = self.text_of(at - 2, at - 1) + f"({self.text_of(at, closer)})"
            put = ((at - 1, at, "("), (closer, closer + 1, ")"))
            return self.found(
                "missing-parentheses", at - 1, closer + 1, put=put, fix=True, value=self.text_of(at, closer), mend=text
            )
        if token.type in ("NUMBER", "TRUE", "FALSE"):
            mend = None
            after = self.get(at + 1)
            if self.keyword_around() == "LET" and self.before.type == "NUMBER":
                mend = f"({self.before.text}, {token.text})"
            end = self.end_of_line(at)
            if token.type == "NUMBER" and (after.text in _REPEATS or token.text.endswith(("x", "X"))):
                count = token.text.rstrip("xX")
                start = at + 1 + (after.text in _REPEATS)
                if count.isdecimal() and start < end:
                    mend = f"repeat({count}) {{ {self.text_of(start, end)} }}"
            elif after.type == "LBRACE" and token.type == "NUMBER":
                mend = f"repeat({token.text}) {{ ... }}"
            elif re.fullmatch(r"[0-9]+[A-Za-z_]\w*", token.text):
                split = mend_number(token.text)
                return self.found("malformed-number", at, cut=True, text=token.text, mend=split)
            return self.found("value-as-item", at, cut=True, value=token.text, mend=mend)
        return None

    def brackets_around_items(self) -> _Found | None:
        """`concat { { relu } | { tanh } }`, `( relu )`: brackets that begin an item."""
        at, token = self.at, self.token
        if not self.at_item or token.type not in ("LPAR", "LBRACE") or self.in_parentheses:
            return None
        closer = self.closing(at)
        if self.before.type == "RPAR" and token.type == "LPAR":
            return self.found("value-as-item", at, (closer or at) + 1, cut=True, value="(", mend=None)
        is_branch = self.before.type in ("LBRACE", "VBAR")
        put = ((at, at + 1, ""), (closer, closer + 1, "")) if closer is not None else ()
        inside = self.tokens[at + 1 : closer]
        values = all(each.type in ("NUMBER", "COMMA", "MINUS") for each in inside)
        if values and token.type == "LPAR":
            return self.found("value-as-item", at, (closer or at) + 1, cut=True, value="(", mend=None)
        if token.type == "LBRACE" and not inside:
            put = ()
        return self.found(
            "brackets-around-items", at, put=put, cut=not put, fix=bool(put) and is_branch, opener=token.text
        )

    def text(self) -> _Found | None:
        """Text where no import takes it."""
        at, token = self.at, self.token
        if token.type != "STRING":
            return None
        if self.before.type == "IMPORT":
            return None
        # Among the arguments the text goes on as a name, of which the checker may say more.
        is_value = "NUMBER" in self.expected or "NAME" in self.expected
        as_item = self.at_item and not self.in_parentheses
        if as_item and mended_name(token.text[1:-1]) == token.text[1:-1]:
            put = ((at, at + 1, token.text[1:-1]),)
            return self.found("text-as-value", at, put=put, fix=True, text=token.text, as_item=False)
        found = self.found("text-as-value", at, cut=True, text=token.text, as_item=as_item)
        if is_value and not as_item:
            return found._replace(changes=((at, at + 1, (Token("NAME", token.text, token.start, token.end),)),))
        return found

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
