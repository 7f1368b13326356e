"""A piece that does not parse, explained: the one mistake that most likely made it so."""

from __future__ import annotations

from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.diagnostic import Diagnostic, Label
from archdsl.source import Source, Span
from archdsl.syntax.tokens import OPENERS, Token

_CLOSERS = {opener: closer for closer, opener in OPENERS.items()}
_SIGNS = {"LBRACE": "{", "RBRACE": "}", "LPAR": "(", "RPAR": ")"}
_OPERATORS = ("EQUAL", "COMPARE", "PLUS", "MINUS", "TIMES", "STRAY", "VBAR", "COMMA")
_KEYWORDS = ("IMPORT", "BLOCK", "LET", "FOR", "IN", "IF", "ELSE", "AND", "OR", "NOT", "TRUE", "FALSE")
_VALUES = ("NAME", "NUMBER", "LPAR", "TRUE", "FALSE", "STRING", "MINUS", "NOT")
_NEVER_IN_PARENTHESES = ("LBRACE", "VBAR", "COLON", "EQUAL", "IMPORT", "BLOCK", "LET", "FOR", "IN", "IF", "ELSE")
_FOREIGN_SIGNS = ("->", "=>", ">>", "**", "||", "//", ",")


def explain_mistake(source: Source, tokens: list[Token], at: int, expected: frozenset[str]) -> Diagnostic:
    """The error for a piece whose token at index `at` fits nowhere; `at` is their number where more was expected."""
    return _Piece(source, tokens, at, expected).explain()


class _Piece:
    """The tokens of a piece, and where it fails.

    open: the brackets that are open there, outermost first.
    """

    def __init__(self, source: Source, tokens: list[Token], at: int, expected: frozenset[str]) -> None:
        self.source = source
        self.tokens = tokens
        self.at = at
        self.expected = expected
        self.token = tokens[at] if at < len(tokens) else None
        self.before = tokens[at - 1] if at else None
        self.open: list[Token] = []
        for token in tokens[:at]:
            if token.type in _CLOSERS:
                self.open.append(token)
            elif token.type in OPENERS and self.open:
                self.open.pop()

    def explain(self) -> Diagnostic:
        token = self.token
        if token is not None and token.type == "STRAY":
            return self.diagnose("stray-character", token, text=token.text)
        unclosed = self.unclosed_by_lines()
        if unclosed is not None:
            return unclosed
        if token is None:
            return self.at_the_end()
        for explanation in (
            self.parenthesis,
            self.closer,
            self.bar,
            self.sign_of_another_language,
            self.body_without_braces,
            self.keyword,
            self.text,
            self.comparison,
            self.argument,
        ):
            found = explanation(token)
            if found is not None:
                return found
        return self.diagnose(
            "unexpected", token, found=token.text, expected=self.wanted(), after=self.before and self.before.text
        )

    def diagnose(self, code: str, token: Token, related: tuple[Label, ...] = (), /, **facts: object) -> Diagnostic:
        return diagnose(code, Span(self.source, token.start, token.end), related, **facts)

    def indent(self, token: Token) -> int:
        """How far the line of a token is indented."""
        line = self.source.line(self.line(token))
        return len(line) - len(line.lstrip(" \t"))

    def line(self, token: Token) -> int:
        return self.source.position(token.start)[0]

    def unclosed_by_lines(self) -> Diagnostic | None:
        """A bracket that the lines say was left open: a line at or left of its own line is not inside it."""
        if not self.lacks("LPAR") and not self.lacks("LBRACE"):
            return None
        stack: list[Token] = []
        last_line = 0
        for index, token in enumerate(self.tokens):
            line = self.line(token)
            if line > last_line and stack and index <= max(self.at, 0):
                last_line = line
                opener = stack[-1]
                column = self.source.position(token.start)[1] - 1
                left = self.indent(opener)
                stays = token.type in ("RBRACE", "RPAR", "VBAR", "ELSE")
                if column < left or (column == left and not stays and line > self.line(opener)):
                    return self.unclosed(opener, token)
            last_line = max(last_line, line)
            if token.type in _CLOSERS:
                stack.append(token)
            elif token.type in OPENERS and stack:
                if stack[-1].type != OPENERS[token.type]:
                    return None
                stack.pop()
        return None

    def unclosed(self, opener: Token, missed: Token | None) -> Diagnostic:
        closer = _SIGNS[_CLOSERS[opener.type]]
        if missed is None:
            last = self.tokens[-1].end
            is_last = not self.source.text[last:].strip()
            before = "the end of the file" if is_last else f"line {self.source.position(last)[0] + 1}"
            return self.diagnose("unclosed", opener, opener=opener.text, closer=closer, before=before)
        related = (Label(Span(self.source, missed.start, missed.end), "not inside any more"),)
        before = f"`{missed.text}`" if self.line(missed) == self.line(opener) else f"line {self.line(missed)}"
        return self.diagnose("unclosed", opener, related, opener=opener.text, closer=closer, before=before)

    def at_the_end(self) -> Diagnostic:
        if self.open:
            return self.unclosed(self.open[-1], None)
        assert self.before is not None
        if self.before.type == "VBAR":
            return self.diagnose("bar-at-the-edge", self.before)
        return self.diagnose("unfinished", self.before, after=self.before.text, expected=self.wanted())

    def parenthesis(self, token: Token) -> Diagnostic | None:
        """A sign or keyword that stands in no parentheses, where some are open."""
        is_inside = bool(self.open) and self.open[-1].type == "LPAR"
        if is_inside and token.type in _NEVER_IN_PARENTHESES and self.lacks("LPAR"):
            return self.unclosed(self.open[-1], token)
        return None

    def lacks(self, opener: str) -> bool:
        """Whether more of these brackets are opened than closed in the piece."""
        kinds = [token.type for token in self.tokens]
        return kinds.count(opener) > kinds.count(_CLOSERS[opener])

    def belongs_to_if(self, brace: Token) -> bool:
        """Whether an `if` opened the brace."""
        for token in reversed(self.tokens[: self.tokens.index(brace)]):
            if token.type in ("LBRACE", "RBRACE", "IF"):
                return token.type == "IF"
        return False

    def closer(self, token: Token) -> Diagnostic | None:
        """A closer that closes nothing, or the other kind of bracket."""
        opener = OPENERS.get(token.type)
        if opener is None:
            return None
        if not self.open:
            return self.diagnose("unopened", token, closer=token.text, opener=_SIGNS[opener])
        innermost = self.open[-1]
        if innermost.type != opener:
            if any(each.type == opener for each in self.open):
                return self.unclosed(innermost, token)
            related = (Label(Span(self.source, innermost.start, innermost.end), "opened here"),)
            return self.diagnose(
                "wrong-closer", token, related, closer=token.text, wanted=_SIGNS[_CLOSERS[innermost.type]]
            )
        if self.before is not None and self.before.type == "VBAR":
            return self.diagnose("bar-at-the-edge", self.before)
        return None

    def bar(self, token: Token) -> Diagnostic | None:
        """A bar with nothing before it."""
        in_braces = bool(self.open) and self.open[-1].type == "LBRACE"
        if token.type == "VBAR" and in_braces and self.before is not None and self.before.type in ("LBRACE", "VBAR"):
            return self.diagnose("bar-at-the-edge", token)
        return None

    def sign_of_another_language(self, token: Token) -> Diagnostic | None:
        """Signs that are whole in other languages and several tokens here: `->`, `**`, `||`."""
        if token.type not in _OPERATORS:
            return None
        first = last = self.at
        while first and self.tokens[first - 1].end == self.tokens[first].start and self._is_operator(first - 1):
            first -= 1
        while (
            last + 1 < len(self.tokens)
            and self.tokens[last].end == self.tokens[last + 1].start
            and self._is_operator(last + 1)
        ):
            last += 1
        start, end = self.tokens[first].start, self.tokens[last].end
        text = self.source.text[start:end]
        if text not in _FOREIGN_SIGNS or (text == "," and self.open and self.open[-1].type == "LPAR"):
            return None
        return diagnose("stray-character", Span(self.source, start, end), text=text)

    def _is_operator(self, index: int) -> bool:
        return self.tokens[index].type in _OPERATORS

    def keyword(self, token: Token) -> Diagnostic | None:
        """A keyword where a name or an item must stand."""
        before = self.before.type if self.before is not None else ""
        if before == "IMPORT" and token.type != "STRING":
            return self.diagnose("import-path", token)
        names = ("LET", "BLOCK", "FOR")
        if token.type in ("COLON", "EQUAL") and before in _KEYWORDS and before not in names and self.before is not None:
            return self.diagnose("keyword-as-name", self.before, word=self.before.text)
        if token.type not in _KEYWORDS:
            return None
        following = self.tokens[self.at + 1].type if self.at + 1 < len(self.tokens) else ""
        if "NAME" in self.expected and (before in names or following in ("COLON", "EQUAL")):
            return self.diagnose("keyword-as-name", token, word=token.text)
        if token.type == "ELSE":
            if self.open and self.lacks("LBRACE") and self.belongs_to_if(self.open[-1]):
                return self.unclosed(self.open[-1], token)
            return self.diagnose("else-without-if", token)
        if token.type == "BLOCK" and self.open:
            return self.diagnose("block-inside", token)
        if token.type == "IMPORT" and self.open:
            return self.diagnose("import-inside", token)
        if "NAME" in self.expected and "NUMBER" not in self.expected and token.type in ("IN", "AND", "OR", "NOT"):
            return self.diagnose("keyword-as-name", token, word=token.text)
        return None

    def body_without_braces(self, token: Token) -> Diagnostic | None:
        """`if x: relu`, `for c in (1, 2) conv(c)`: a chain that no braces hold."""
        if "LBRACE" not in self.expected or token.type not in ("NAME", "COLON", "LET", "FOR", "IF"):
            return None
        for earlier in reversed(self.tokens[: self.at]):
            if earlier.type in ("LBRACE", "RBRACE"):
                if earlier.type == "RBRACE" or self.before is earlier:
                    return None
                break
            if earlier.type in ("FOR", "IF", "ELSE", "BLOCK"):
                after = self.tokens[self.at + 1].text if self.at + 1 < len(self.tokens) else "relu"
                found = after if token.type == "COLON" else token.text
                return self.diagnose("missing-braces", token, keyword=earlier.text, found=found)
        return None

    def text(self, token: Token) -> Diagnostic | None:
        """Text where no import takes it."""
        return self.diagnose("text-as-value", token, text=token.text) if token.type == "STRING" else None

    def comparison(self, token: Token) -> Diagnostic | None:
        """A second comparison, `=` for `==`, and a value given without `let`."""
        earlier = [each.type for each in self.tokens[: self.at]]
        if token.type == "COMPARE" and "COMPARE" in earlier:
            return self.diagnose("chained-comparison", token, operator=token.text)
        if token.type != "EQUAL":
            return None
        for kind in reversed(earlier):
            if kind == "IF":
                return self.diagnose("assignment-for-comparison", token)
            if kind in ("LBRACE", "RBRACE", "LET"):
                break
        if self.before is not None and self.before.type == "NAME" and not (self.open and self.open[-1].type == "LPAR"):
            return self.diagnose("missing-let", self.before, name=self.before.text)
        return None

    def argument(self, token: Token) -> Diagnostic | None:
        """Values next to each other without a comma, or outside of parentheses."""
        if token.type not in _VALUES or self.before is None:
            return None
        if self.open and self.open[-1].type == "LPAR" and "COMMA" in self.expected:
            if self.lacks("LPAR"):
                return self.unclosed(self.open[-1], token)
            return self.diagnose("missing-comma", token, before=self.before.text, found=token.text)
        if (
            self.before.type == "NAME"
            and token.type in ("NUMBER", "TRUE", "FALSE", "MINUS")
            and "LPAR" in self.expected
        ):
            return self.diagnose("missing-parentheses", token, word=self.before.text, value=token.text)
        return None

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
