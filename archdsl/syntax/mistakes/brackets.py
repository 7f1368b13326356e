"""Brackets that are not closed, not opened, or closed by another; bars with nothing beside them."""

from __future__ import annotations

from archdsl.diagnostics.diagnostic import Label
from archdsl.source import Span
from archdsl.syntax.mistakes.piece import Found, Piece
from archdsl.syntax.mistakes.words import CLOSERS, OPERATORS, SIGNS
from archdsl.syntax.tokens import OPENERS
from archdsl.syntax.words import JOINS, WITH_BODY

_NEVER_IN_PARENTHESES = ("LBRACE", "VBAR", "COLON", "EQUAL", "IMPORT", "BLOCK", "LET", "FOR", "IN", "IF", "ELSE")


class Brackets(Piece):
    """What may be wrong with brackets and bars. Each method gives what it finds, or None."""

    def unclosed_by_lines(self) -> Found | None:
        """A bracket that the lines say was left open: a line at or left of its own line is not inside it.

        Nor is a comma at the beginning of a line, where one stands at the end of the line before.
        """
        if not self.lacks("LPAR") and not self.lacks("LBRACE"):
            return None
        stack: list[int] = []
        last_line = 0
        for index, token in enumerate(self.tokens):
            line = self.line(token)
            if line > last_line and stack and index <= self.at and not self.goes_on(index, stack[-1]):
                last_line = line
                if token.type == "COMMA" and self.get(index - 1).type == "COMMA" and self.lacks("LPAR"):
                    return self.unclosed(stack[-1], index)
                opener = self.tokens[stack[-1]]
                column = self.source.position(token.start)[1] - 1
                left = self.indent(opener)
                stays = token.type in ("RBRACE", "RPAR", "VBAR", "ELSE")
                stays = stays and not (token.type == "VBAR" and self.opens_in_branch(stack[-1]))
                if column < left or (column == left and not stays and line > self.line(opener)):
                    return self.unclosed(stack[-1], index)
            last_line = max(last_line, line)
            if token.type in CLOSERS:
                stack.append(index)
            elif token.type in OPENERS and stack:
                if self.tokens[stack[-1]].type != OPENERS[token.type]:
                    return None
                stack.pop()
        return None

    def opens_in_branch(self, opener: int) -> bool:
        """Whether a line that begins with a bar opens a brace, and not one for branches of its own."""
        line = self.source.line(self.line(self.tokens[opener]))
        return self.get(opener - 1).text not in JOINS and line.lstrip(" \t").startswith("|")

    def unopened_by_lines(self) -> Found | None:
        """A body whose opening brace lacks, as the lines tell, where a closing one is left over.

        A closer that begins a line stands as far to the left as the line that opens what it closes. And behind a
        closer that ends a line, the next line stands no deeper than the line that opens what it closes.
        """
        if not self.closes_too_many():
            return None
        stack: list[int] = []
        columns: list[int] = []
        ended: int | None = None
        column = 0
        for index, token in enumerate(self.tokens):
            if self.begins_line(index) and not (stack and self.tokens[stack[-1]].type == "LPAR"):
                column = self.item_column(index)
                if ended is not None and column > ended:
                    return self.unopened_on_line(index - 1)
                ended = None
                if token.type == "RBRACE" and (not stack or columns[-1] < column):
                    return self.unopened_in_column(index, column)
            if token.type in CLOSERS:
                stack.append(index)
                columns.append(column)
            elif token.type in OPENERS:
                if not stack or self.tokens[stack[-1]].type != OPENERS[token.type]:
                    return None
                opener, left = stack.pop(), columns.pop()
                if token.type == "RBRACE" and not self.on_one_line(opener, index) and not self.begins_line(index):
                    ended = left
        return None

    def item_column(self, first: int) -> int:
        """The column of the first item of the line that begins with the token at `first`: it may stand behind a bar."""
        is_bar = self.get(first).type == "VBAR" and self.on_one_line(first, first + 1)
        return self.source.position(self.get(first + is_bar).start)[1] - 1

    def unopened_in_column(self, closer: int, column: int) -> Found | None:
        """The body that a closer at the beginning of a line ends: its head ends a line that begins in its column."""
        end = closer
        for index in range(closer - 1, -1, -1):
            if not self.begins_line(index):
                continue
            if column in (self.indent(self.tokens[index]), self.item_column(index)):
                for head in range(index, min(end, self.at)):
                    found = self.unopened_head(head, end)
                    if found is not None:
                        return found
                return None
            end = index
        return None

    def unopened_on_line(self, closer: int) -> Found | None:
        """The body that a closer at the end of a line ends: its head is the first on the line that has none."""
        first = closer
        while not self.begins_line(first):
            first -= 1
        for head in range(first, min(closer, self.at)):
            found = self.unopened_head(head)
            if found is not None:
                return found
        return None

    def unopened_head(self, head: int, end: int | None = None) -> Found | None:
        """What is found where a word that a body follows, or the colon of a label, has none.

        end: where its brace must lack, if that is known.
        """
        token = self.tokens[head]
        place = head + 1
        if token.type == "NAME" and token.text in WITH_BODY and self.get(head - 1).type not in ("LPAR", "COMMA"):
            if self.get(place).type == "LPAR":
                place = (self.closing(place) or place) + 1
            follows = self.get(place).type in ("LBRACE", "COLON", "COMMA", "RPAR", "EQUAL")
            if not follows and end in (None, place):
                return self.found("missing-body", head, put=((place, place, "{"),), word=token.text)
        if token.type == "COLON" and self.get(place).type != "LBRACE" and end in (None, place):
            keyword = f"{self.get(head - 1).text}:"
            return self.found("missing-braces", head, put=((place, place, "{"),), keyword=keyword, found="...")
        return None

    def unclosed_by_bars(self) -> Found | None:
        """A brace that a bar says was left open: it stands in a branch of a join, and holds no branches itself."""
        if not self.lacks("LBRACE"):
            return None
        stack: list[int] = []
        for index, token in enumerate(self.tokens[: self.at]):
            if token.type in CLOSERS:
                stack.append(index)
            elif token.type in OPENERS and stack:
                stack.pop()
            elif token.type == "VBAR" and stack:
                words = [self.get(each - 1).text for each in stack]
                if words[-1] not in JOINS and any(word in JOINS for word in words):
                    return self.unclosed(stack[-1], index)
        return None

    def goes_on(self, index: int, opener: int) -> bool:
        """Whether what stands in a parenthesis goes on in the next line, which begins with the token at `index`."""
        before = self.get(index - 1).type
        if self.tokens[index].type == "COMMA":
            return False
        return self.tokens[opener].type == "LPAR" and before in ("COMMA", "LPAR", "EQUAL", "PLUS", "MINUS", "TIMES")

    def unclosed(self, opener: int, missed: int | None) -> Found:
        """A bracket that is never closed; at the token `missed` it must have been."""
        bracket = self.tokens[opener]
        closer = SIGNS[CLOSERS[bracket.type]]
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
        flat = not nested and end > opener + 1 and self.get(end - 1).type not in ("COMMA", "EQUAL", *OPERATORS)
        is_sign = missed is not None and self.tokens[missed].type in _NEVER_IN_PARENTHESES
        if flat and (is_sign or missed is None or self.begins_line(missed)):
            return found._replace(changes=((end, end, put),))
        first = self.value_around(opener)
        # What is cut out stands as an item or a value, and not as a name.
        is_name = self.get(first - 1).type in ("BLOCK", "FOR", "LET")
        if missed is None or is_name or self.tokens[missed].type in ("IN", "COLON", "EQUAL"):
            return found._replace(changes=None)
        return found._replace(changes=((first, missed, (self.cut(first, missed),)),))

    def value_around(self, opener: int) -> int:
        """The index where the outermost call or tuple begins that a parenthesis is open in."""
        first = opener
        for index in reversed(self.open):
            if index < opener:
                if self.tokens[index].type != "LPAR":
                    break
                first = index
        return first - (self.get(first - 1).type == "NAME")

    def at_the_end(self) -> Found | None:
        if self.token.type != "$END":
            return None
        if self.open:
            return self.unclosed(self.open[-1], None)
        last = self.at - 1
        if self.before.type == "VBAR":
            return self.bar_at_the_edge(last, self.at)
        return self.found("unfinished", last, cut=True, after=self.before.text, expected=self.wanted())

    def parenthesis(self) -> Found | None:
        """A sign or keyword that stands in no parentheses, where some are open."""
        if not self.in_parentheses or self.token.type not in _NEVER_IN_PARENTHESES or not self.lacks("LPAR"):
            return None
        is_call = self.get(self.open[-1] - 1).type == "NAME"
        if not is_call or not self.closes_on_its_line(self.open[-1]):
            return self.unclosed(self.open[-1], self.at)
        return None

    def belongs_to_if(self, brace: int) -> bool:
        """Whether an `if` opened the brace."""
        for token in reversed(self.tokens[:brace]):
            if token.type in ("LBRACE", "RBRACE", "IF"):
                return token.type == "IF"
        return False

    def closer(self) -> Found | None:
        """A closer that closes nothing, or the other kind of bracket."""
        token, at = self.token, self.at
        opener = OPENERS.get(token.type)
        if opener is None:
            return None
        if not self.open:
            return (opener == "LBRACE" and self.unopened_body()) or self.found(
                "unopened", at, put=((at, at + 1, ""),), closer=token.text, opener=SIGNS[opener]
            )
        innermost = self.get(self.open[-1])
        if innermost.type != opener:
            kinds = [each.type for each in self.tokens]
            stands_for_other = self.lacks(innermost.type) and kinds.count(token.type) > kinds.count(opener)
            if not stands_for_other and any(self.tokens[each].type == opener for each in self.open):
                return self.unclosed(self.open[-1], at)
            related = (Label(Span(self.source, innermost.start, innermost.end), "opened here"),)
            wanted = SIGNS[CLOSERS[innermost.type]]
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

    def bar_at_the_edge(self, bar: int, place: int) -> Found:
        """A bar with an empty branch beside it, where the token at `place` stands; it goes on as a branch not known."""
        return self.found("bar-at-the-edge", bar)._replace(changes=((place, place, (self.cut(place, place),)),))

    def unopened_body(self) -> Found | None:
        """The last head of a body whose opening brace lacks, where a closing one is left over."""
        for index in range(self.at - 1, -1, -1):
            if self.tokens[index].type != "COLON" or not self.on_one_line(index, index + 1):
                found = self.unopened_head(index)
                if found is not None:
                    return found
        return None

    def bar(self) -> Found | None:
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
            if word in JOINS and closer is not None:
                put = ((opener, opener + 1, "{"), (closer, closer + 1, "}"))
                text = f"{word} {{ {self.text_of(opener + 1, closer)} }}"
                return self.found("bar-outside-braces", at, put=put, fix=True, text=text)
            return self.found("bar-outside-braces", at, cut=True, text=None)
        if not self.at_item or (self.get(at + 1).text == ">" and self.touch(at + 1)):
            return None
        first = at
        while first and self.on_one_line(first - 1, at) and self.get(first).text not in JOINS:
            first -= 1
        word = self.get(first).text
        unopened = self.unopened_head(first) if word in JOINS and self.closes_too_many() else None
        if unopened is not None:
            return unopened
        mend = f"{word} {{ {self.text_of(first + 1, self.end_of_line(at))} }}" if word in JOINS else None
        return self.found("bar-outside-braces", at, cut=mend is not None, put=((at, at + 1, ""),), text=mend)

    def brackets_around_items(self) -> Found | None:
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
