"""Signs that are no part of the language, or of another place in it: arrows, commas, square brackets, comments."""

from __future__ import annotations

import re

from archdsl.diagnostics.diagnostic import Edit, Fix, Label
from archdsl.source import Span
from archdsl.syntax.foreign import plain
from archdsl.syntax.mistakes.brackets import Brackets
from archdsl.syntax.mistakes.piece import Found
from archdsl.syntax.mistakes.words import CLOSERS, OPERATORS, SIGNS, VALUES
from archdsl.syntax.tokens import MAX_WHOLE
from archdsl.syntax.words import FUNCTIONS, JOINS, WITH_BODY

_ARROWS = ("->", "=>", ">>", "|>", "-->", "==>", ">")
_BEFORE_VALUES = ("EQUAL", "COMPARE", "PLUS", "MINUS", "TIMES", "IN", "IF", "AND", "OR", "NOT")
_COMMENTS = ("//", "/*", "--", "%", '"""', "<!--")


class Signs(Brackets):
    """What may be wrong with signs. Each method gives what it finds, or None."""

    def stray(self) -> Found | None:
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
        if text == "!" and not self.at_item and self.get(at + 1).type in VALUES:
            return self.stray_sign(put=((at, at + 1, "not"),), meant="not")
        if text in ("&&", "&"):
            is_value = not self.at_item or self.keyword_around() in ("IF", "LET")
            is_value = is_value and self.before.type not in ("AND", "OR", "NOT")
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

    def stray_sign(self, put: tuple[tuple[int, int, str], ...], meant: str | None) -> Found:
        """A sign that surely stands for another, or for nothing."""
        place = "value" if self.in_parentheses else "item"
        return self.found("stray-character", self.at, put=put, fix=True, text=self.token.text, meant=meant, place=place)

    def comment(self, sign: str) -> Found:
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

    def look_alike(self, text: str) -> Found:
        """A sign that looks like one of the language: of full width, another dash, a times sign."""
        at = self.at
        between = self.before.type == "NUMBER" and self.get(at + 1).type == "NUMBER"
        if text == ";":
            text = "," if self.in_parentheses and "COMMA" in self.expected else ""
        if text == "*" and between and self.in_parentheses:
            return self.pair_of_sizes(at - 1, at + 2)
        if self.at_item and text in ("-", "->", "=>", "*") and self.before.type != "NUMBER":
            text = ""
        return self.found(
            "stray-character", at, put=((at, at + 1, text),), fix=True, text=self.token.text, meant=text, place="item"
        )

    def pair_of_sizes(self, first: int, end: int) -> Found:
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

    def square_bracket(self) -> Found:
        """`[1, 2]` for a tuple, `conv[64, 3]` for a call."""
        at = self.at
        closer = self.closing(at) if self.token.text == "[" else None
        if self.token.text == "]":
            if self.open:
                opener = self.get(self.open[-1])
                wanted = SIGNS[CLOSERS[opener.type]]
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
        if closer is not None and self.is_index():
            return self.index(closer)
        if closer is None:
            return self.found(
                "stray-character", at, cut=True, text="[", meant=None, place="call" if is_call else "value"
            )
        if is_call and self.before.text in WITH_BODY:
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

    def is_index(self) -> bool:
        """Whether a square bracket stands right behind the name of a value: `widths[0]`."""
        in_value = self.in_parentheses or self.get(self.at - 2).type in _BEFORE_VALUES
        is_value = self.before.type == "NAME" and self.before.text not in FUNCTIONS
        return is_value and in_value and self.touch(self.at)

    def index(self, closer: int) -> Found:
        """`widths[0]`: a value by its place, which is not known where the piece goes on."""
        name, first = self.before.text, self.at - 1
        while self.get(closer + 1).text == "[" and self.touch(closer + 1):
            closer = self.closing(closer + 1) or closer + 1
        place = "index of a let" if f"let {name} =" in self.source.text else "index"
        found = self.found("stray-character", self.at, text="[", meant=name, place=place)
        return found._replace(changes=((first, closer + 1, (self.cut(first, closer + 1),)),))

    def sign_of_another_language(self) -> Found | None:
        """Signs that are whole in other languages and several tokens here: `->`, `**`, `||`."""
        if self.token.type not in OPERATORS:
            return None
        first, end = self.at, self.at + 1
        while first and self.touch(first) and self.tokens[first - 1].type in OPERATORS:
            first -= 1
        while end < len(self.tokens) and self.touch(end) and self.tokens[end].type in OPERATORS:
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

    def comma(self) -> Found:
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
        if brace < 1 or self.get(brace - 1).text not in JOINS:
            return False
        bars = [token for token in self.tokens[brace : self.closing(brace)] if token.type == "VBAR"]
        return all(self.source.text[bar.start] != "|" for bar in bars)

    def bare_tuple(self, opener: str) -> Found:
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

    def power(self, first: int, end: int) -> Found:
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

    def number(self) -> Found | None:
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

    def colon(self, first: int, end: int) -> Found:
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
