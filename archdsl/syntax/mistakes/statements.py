"""Statements that are not written as the language writes them: names, lets, loops, conditions, blocks, imports."""

from __future__ import annotations

import re

from archdsl.syntax.foreign import mended_name
from archdsl.syntax.mistakes.piece import Found
from archdsl.syntax.mistakes.signs import Signs
from archdsl.syntax.mistakes.words import CLOSERS, KEYWORDS_ELSEWHERE
from archdsl.syntax.tokens import OPENERS
from archdsl.syntax.words import FUNCTIONS, WITH_BODY

_KEYWORDS = ("IMPORT", "BLOCK", "LET", "FOR", "IN", "IF", "ELSE", "AND", "OR", "NOT", "TRUE", "FALSE")
_PYTHON_MODULES = ("torch", "torchvision", "tensorflow", "keras", "numpy", "timm", "nn", "math", "os", "sys", "flax")


class Statements(Signs):
    """What may be wrong with statements. Each method gives what it finds, or None."""

    def name(self) -> Found | None:
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
        if not is_label or end == self.at or end - first > 4 or self.get(first).text in (*WITH_BODY, "input"):
            return None
        return self.malformed_name(first, end)

    def malformed_name(self, first: int, end: int) -> Found:
        text = self.text_of(first, end)
        mend = mended_name(text.strip("\"'"))
        quoted = end == first + 1 and self.tokens[first].type == "STRING" and mend == text[1:-1]
        put = ((first, end, mend),) if mend else ()
        return self.found("malformed-name", first, end, put=put, cut=not mend, fix=quoted, text=text, mend=mend)

    def word_of_another_language(self) -> Found | None:
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

    def let(self) -> Found | None:
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

    def loop(self) -> Found | None:
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

    def import_(self) -> Found | None:
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

    def sign_before_brace(self) -> Found | None:
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

    def body_without_braces(self) -> Found | None:
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
            word = self.get(first) if self.get(first).text in WITH_BODY else None
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
        return self.in_braces(at, word.text, at, first, end)

    def label_without_braces(self) -> Found | None:
        """`head: fc: fc(10)`, or lines that only stand deeper than their label: a body that no braces hold."""
        at = self.at
        if self.token.type != "COLON" or self.before.type != "NAME" or self.get(at - 2).type != "COLON":
            return None
        label, first = self.get(at - 3), at - 1
        left = self.indent(label)
        if label.type != "NAME" or self.in_parentheses:
            return None
        end, depth = first, 0
        while end < len(self.tokens):
            token = self.tokens[end]
            inside = self.on_one_line(first, end) if self.on_one_line(at - 2, first) else self.indent(token) > left
            if not depth and (not inside or token.type in ("RBRACE", "VBAR")):
                break
            depth += (token.type in CLOSERS) - (token.type in OPENERS)
            end += 1
        return self.in_braces(at - 2, f"{label.text}:", first, first, end)

    def in_braces(self, place: int, keyword: str, start: int, first: int, end: int) -> Found:
        """A body that lacks its braces, said of the token at `place`.

        It is written from `first` to before `end`; what stands before it, from `start`, goes with the mending.
        """
        inside = self.tokens[first:end]
        closed = all(
            sum(each.type == opener for each in inside) == sum(each.type == closer for each in inside)
            for closer, opener in OPENERS.items()
        )
        found = self.found(
            "missing-braces", place, keyword=keyword, found=self.text_of(first, end) if end > first else "relu"
        )
        opening = tuple(self.tokens_of("{", start, start))
        if self.closes_too_many():
            # Its closing brace is there.
            return found._replace(changes=((start, first, opening),))
        if end > first and closed:
            closing = tuple(self.tokens_of("}", end, end))
            return found._replace(changes=((start, first, opening), (end, end, closing)))
        return found._replace(changes=None)

    def keyword(self) -> Found | None:
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

    def block_inside(self) -> Found:
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

    def parameter(self) -> Found | None:
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

    def comparison(self) -> Found | None:
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

    def assignment(self) -> Found | None:
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
            and after.text not in ("in_channels", "in_features")
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

    def named_outside_parentheses(self) -> Found:
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
