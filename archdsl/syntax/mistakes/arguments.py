"""Arguments without commas or parentheses, and values where a layer stands."""

from __future__ import annotations

import re

from archdsl.diagnostics.diagnostic import Edit, Fix
from archdsl.source import Span
from archdsl.syntax.foreign import mended_name
from archdsl.syntax.mistakes.piece import Found
from archdsl.syntax.mistakes.statements import Statements
from archdsl.syntax.mistakes.words import VALUES
from archdsl.syntax.tokens import Token, is_sure, mend_number
from archdsl.syntax.words import WITH_BODY

_REPEATS = ("x", "X", "*", "times")


class Arguments(Statements):
    """What may be wrong with arguments and items. Each method gives what it finds, or None."""

    def argument(self) -> Found | None:
        """Values next to each other without a comma, or outside of parentheses."""
        at, token, before = self.at, self.token, self.before
        if self.in_parentheses:
            if token.type == "COMMA" and before.type in ("COMMA", "LPAR"):
                put = ((at, at + 1, ""),)
                is_double = before.type == "COMMA"
                return self.found("empty-argument", at, put=put, cut=not is_double, fix=is_double)
            if token.type == "COLON" and before.type == "NAME":
                return self.colon(at, at + 1)
        if token.type in VALUES and self.at and self.in_parentheses and "COMMA" in self.expected:
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

    def outside_parentheses(self, first: int) -> Found:
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
        has_colon = self.get(end).type == "COLON" and word in WITH_BODY
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

    def value_as_item(self) -> Found | None:
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
        if token.type == "NUMBER" and closer is not None and self.get(at - 2).text not in WITH_BODY:
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

    def text(self) -> Found | None:
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


def surely_meant(number: str) -> str | None:
    """What a malformed number surely means, or None."""
    mend = mend_number(number) if not number.isdecimal() else None
    return mend if mend is not None and is_sure(number, mend) else None
