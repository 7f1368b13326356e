"""Text to File. The one place that imports lark: it makes the tables from the grammar, the loop here runs them."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.diagnostic import MAX_ERRORS, Diagnostic
from archdsl.source import Source, Span
from archdsl.syntax import nodes
from archdsl.syntax.tokens import Cut, Token, bracket_pairs, joined, read_number, refuse_characters, too_deep

MAX_CHARACTERS = 1 << 20

MOST_CHARACTERS_COMPARED = 100_000
"""A longer text that does not parse is not compared with other languages: no spec that a person writes is so long."""


def parse(source: Source) -> tuple[nodes.File, list[Diagnostic]]:
    """Parse a text. What is wrong comes back as diagnostics, and the parts that are right as statements.

    After an error the text is cut where a line starts in column 1, and each piece is parsed alone. In a piece the
    mistake is mended, or the item that holds it cut out, and the piece is parsed again, so that one run shows every
    mistake that is independent of the others.
    """
    if len(source.text) > MAX_CHARACTERS:
        return unread(source), [diagnose("file-too-large", Span(source, 0, 0), limit=MAX_CHARACTERS)]
    found = refuse_characters(source)
    if found:
        return unread(source), found
    tables = load_tables()
    tokens, found = tables.tokens(source)
    deep = too_deep(source, tokens)
    if deep is not None:
        return unread(source), [*found, deep]
    try:
        return nodes.File(source, tables.parse(tokens)), limited(found)
    except Unparsable as failure:
        done = failure.done
    if len(source.text) <= MOST_CHARACTERS_COMPARED:
        from archdsl.syntax.foreign import foreign_file, whole_tokens  # Needed only where there is a mistake.

        foreign = foreign_file(source)
        if foreign is not None:
            return unread(source), [foreign]
        tokens, more = whole_tokens(source, tokens)
        found = [*found, *more]
    findings = Findings(source, found)
    statements, rest = resumed(done, pieces(source, tokens))
    for index, piece in enumerate(rest):
        if findings.full():
            statements.append(broken([token for each in rest[index:] for token in each])._replace(imports=True))
            break
        statements += mended(source, tables, piece, findings)
    return nodes.File(source, tuple(statements)), limited(findings.all)


class Findings:
    """What is found of the syntax; one mistake is one finding, however it is come upon.

    read_again: how many tokens were read again after a mistake.
    """

    def __init__(self, source: Source, found: list[Diagnostic]) -> None:
        self.source = source
        self.all = found
        self.read_again = 0

    def full(self) -> bool:
        return len(self.all) > MAX_ERRORS

    def add(self, mistake: Diagnostic) -> None:
        """Add a mistake in the grammar.

        What was found of its very characters before is a part of it; one sign several times on a line is one mistake.
        """
        span = mistake.primary.span
        near = [each for each in self.all[-50:] if each.primary.span.line == span.line]
        for earlier in near:
            if is_same_mistake(self.source, earlier, mistake):
                if earlier.fix is not None and mistake.fix is not None:
                    edits = (*earlier.fix.edits, *mistake.fix.edits)
                    self.all[self.all.index(earlier)] = earlier._replace(fix=earlier.fix._replace(edits=edits))
                return
            if earlier.code == "dotted-name" and mistake.code == "stray-character":
                # The line is of another language as it is.
                return
        self.all = [each for each in self.all if not span.start <= each.primary.span.start < span.end]
        self.all.append(mistake)


def is_same_mistake(source: Source, earlier: Diagnostic, later: Diagnostic) -> bool:
    """Whether two findings on one line are one mistake, made again: commas between all layers, full-width signs."""
    if earlier.code != later.code:
        return False
    if later.code == "stray-character":
        foreign = not earlier.primary.span.text.isascii() and not later.primary.span.text.isascii()
        return foreign or (earlier.message, earlier.help) == (later.message, later.help)
    between = source.text[earlier.primary.span.end : later.primary.span.start]
    if later.code == "missing-comma":
        return "(" not in between and ")" not in between
    return later.code == "brackets-around-items"


def mended(source: Source, tables: Tables, piece: list[Token], findings: Findings) -> list[nodes.Statement]:
    """The statements of a piece. Each mistake is mended, or its item cut out, and the rest is parsed again."""
    from archdsl.syntax.mistakes import explain_mistake  # Needed only where there is a mistake.

    tokens = piece
    failure: Unparsable | None = None
    try:
        return list(tables.parse(tokens))
    except Unparsable as first:
        failure = first
    while failure is not None and not findings.full():
        findings.read_again += len(tokens)
        mistake = explain_mistake(source, tokens, failure.at, failure.expected)
        findings.add(mistake.diagnostic)
        place, failure = place_of(tokens, failure.at), None
        for candidate in mistake.mended if findings.read_again < MOST_READ_AGAIN else ():
            try:
                return list(tables.parse(candidate))
            except Unparsable as later:
                if place_of(candidate, later.at) > place:
                    tokens, failure = candidate, later
                    break
    return [broken(piece)]


MOST_READ_AGAIN = 200_000
"""How many tokens are read again after mistakes, before the rest of a piece is given up at its first mistake."""


def place_of(tokens: list[Token], at: int) -> int:
    """How far a text was parsed: the start of the token that does not fit; beyond all where the end comes too soon."""
    return tokens[at].start if at < len(tokens) else 1 << 62


def resumed(done: list[nodes.Statement], cut: list[list[Token]]) -> tuple[list[nodes.Statement], list[list[Token]]]:
    """The statements of the pieces before the first mistake, and the pieces from there on.

    done: the statements that were whole before the mistake. A piece that ends within one of them is where the mistake
        may be: `let a =` takes what stands on the next line.
    """
    kept = 0
    for index, piece in enumerate(cut):
        last = piece[-1].end
        whole = kept
        while whole < len(done) and done[whole].end <= last:
            whole += 1
        if whole == kept or done[whole - 1].end < last:
            return done[:kept], cut[index:]
        kept = whole
    return done[:kept], []


def unread(source: Source) -> nodes.File:
    """A text that is not parsed: whatever it may define is unknown."""
    return nodes.File(source, (nodes.Broken((), (), True, 0, len(source.text)),))


def limited(found: list[Diagnostic]) -> list[Diagnostic]:
    """The findings by their place, no more of them than are read."""
    found = sorted(found, key=lambda each: each.primary.span.start)
    if len(found) > MAX_ERRORS:
        found[MAX_ERRORS:] = [diagnose("too-many-errors", found[MAX_ERRORS].primary.span, limit=MAX_ERRORS)]
    return found


def pieces(source: Source, tokens: list[Token]) -> list[list[Token]]:
    """The tokens, cut where a line starts in column 1 with neither a closer, nor a bar, nor `else`.

    Where all brackets are closed, a body that is not indented is not cut.
    """
    inside = unindented(source, tokens)
    cut: list[list[Token]] = [[]]
    for index, token in enumerate(tokens):
        starts_line = token.start == 0 or source.text[token.start - 1] == "\n"
        stays = token.type in ("RBRACE", "RPAR", "VBAR", "ELSE") or index in inside
        if starts_line and not stays and cut[-1]:
            cut.append([])
        cut[-1].append(token)
    return cut


def unindented(source: Source, tokens: list[Token]) -> set[int]:
    """The indices of the tokens in braces whose first line starts in column 1, if every bracket is closed."""
    starts = [token.start for token in tokens]
    result: set[int] = set()
    for opener, closer in bracket_pairs(tokens) or ():
        line, _ = source.position(starts[opener])
        if tokens[opener].type == "LBRACE" and line < len(source.line_starts):
            first = bisect_left(starts, source.line_starts[line])
            if first < closer and source.position(starts[first])[1] == 1:
                result.update(range(opener + 1, closer))
    return result


def broken(piece: list[Token]) -> nodes.Broken:
    """What can be told of a piece that does not parse: the names that it would define."""
    blocks: list[str] = []
    lets: list[str] = []
    in_parentheses = 0
    words = [word for token in piece for word in (token.inside if isinstance(token, Cut) else (token,))]
    words = [token for token in words if token.type != "STRAY"]
    for index, (before, token, after) in enumerate(zip([_END, *words], words, [*words[1:], _END], strict=False)):
        in_parentheses += (token.type == "LPAR") - (token.type == "RPAR")
        if token.type != "NAME":
            continue
        if before.type == "BLOCK":
            blocks.append(token.text)
        elif before.type == "LET" or (after.type == "EQUAL" and in_parentheses <= 0):
            lets.append(token.text)
            following = words[index + 2].type if index + 2 < len(words) else ""
            if following in ("LBRACE", "BLOCK"):
                # A block was meant.
                blocks.append(token.text)
    imports = any(token.type == "IMPORT" for token in piece)
    return nodes.Broken(tuple(blocks), tuple(lets), imports, piece[0].start, piece[-1].end)


class Unparsable(Exception):
    """The token at index `at` fits nowhere; `at` is the number of tokens where the end comes too soon.

    done: the statements that were whole before it.
    """

    def __init__(self, at: int, states: list[int], done: list[nodes.Statement], tables: Tables) -> None:
        super().__init__(at)
        self.at = at
        self.done = done
        self._states = states
        self._tables = tables

    @property
    def expected(self) -> frozenset[str]:
        """The terminals that would have fitted."""
        return self._tables.expected(self._states)


class Rule(NamedTuple):
    """A rule of the grammar as the loop needs it.

    name: what is built; origin: the symbol on its left; size: how many symbols stand on its right.
    kept: which of these the tree keeps.
    inlined: its children belong to the rule around it.
    expands: a single child stands for it.
    splices: what it keeps may be a list whose items are its children.
    """

    name: str
    origin: str
    size: int
    kept: tuple[int, ...]
    inlined: bool
    expands: bool
    splices: bool

    @staticmethod
    def of_lark(rule: Any) -> Rule:
        return Rule(
            str(rule.alias or rule.origin.name),
            str(rule.origin.name),
            len(rule.expansion),
            tuple(i for i, symbol in enumerate(rule.expansion) if not (symbol.is_term and symbol.filter_out)),
            rule.origin.name.startswith("_"),
            bool(rule.options.expand1) and rule.alias is None,
            any(symbol.name.startswith("_") for symbol in rule.expansion if not symbol.is_term),
        )


def reduction(rule: Rule) -> tuple[Any, ...]:
    """A rule as the loop runs it: what builds its node, its origin and size, what it keeps, and its two flags.

    What it keeps are places in the stack, counted from the top: a slice where they stand together and none splices.
    """
    places = [place - rule.size for place in rule.kept]
    kept: slice | list[int] = places
    if places and not rule.splices and places[-1] - places[0] == len(places) - 1:
        kept = slice(places[0], places[-1] + 1 or None)
    return _BUILD.get(rule.name), rule.origin, rule.size, kept, rule.inlined, rule.expands


class _Spliced(list[Any]):
    """The children of a helper rule that lark made for a star; they belong to the rule around it."""


class _KeepStray:
    """Lark drops a terminal that no rule uses, unless a post-lexer says that it does."""

    always_accept = ("STRAY",)

    def process(self, stream: Any) -> Any:
        return stream


class Tables:
    """The grammar's terminals as one pattern, and its LALR tables as dictionaries.

    Lark makes the tables; the loop that runs them is ours. Lark's own takes five times as long for a text of
    10,000 lines, for it walks ten rules from a number up to an argument, where one look-up in `moves` does.

    keywords: the terminal of each reserved word.
    pattern: every other terminal as a named group; what is ignored has no name.
    rules: the rules of the grammar.
    actions: for each state and symbol, the next state, or -1 - the index of the rule to reduce by.
    """

    def __init__(
        self,
        keywords: dict[str, str],
        pattern: str,
        rules: list[Rule],
        actions: list[dict[str, int]],
        start: int,
        end: int,
    ) -> None:
        self.keywords = keywords
        self.pattern = re.compile(pattern)
        self.rules = rules
        self.actions = actions
        self.start = start
        self.end = end
        self.moves: dict[tuple[int, int, str], tuple[int, int | None]] = {}
        self.reductions = [reduction(rule) for rule in rules]

    @staticmethod
    def made_by_lark(grammar: str) -> dict[str, Any]:
        """The arguments of Tables, made from the grammar: plain lists and dictionaries."""
        from lark import Lark
        from lark.parsers.lalr_analysis import Shift

        lark = Lark(grammar, parser="lalr", lexer="basic", maybe_placeholders=False, postlex=_KeepStray())
        keywords: dict[str, str] = {}
        symbols = ["|".join(each.pattern.to_regexp() for each in lark.terminals if each.name in lark.ignore_tokens)]
        for terminal in sorted(lark.terminals, key=lambda each: (-each.priority, -len(each.pattern.value), each.name)):
            if terminal.pattern.type == "str" and terminal.pattern.value.isalpha():
                keywords[terminal.pattern.value] = terminal.name
            elif terminal.name not in lark.ignore_tokens:
                symbols.append(f"(?P<{terminal.name}>{terminal.pattern.to_regexp()})")
        table = lark.parser.parser._parse_table
        numbers = {rule: index for index, rule in enumerate(lark.rules)}
        # Lark numbers the states anew in each run; in the order of a walk from the start they are always the same.
        order = {table.start_states["start"]: 0}
        for state in (walk := list(order)):
            for _, (action, target) in sorted(table.states[state].items()):
                if action is Shift and target not in order:
                    order[target] = len(order)
                    walk.append(target)
        actions = [
            {
                symbol: order[target] if action is Shift else -1 - numbers[target]
                for symbol, (action, target) in sorted(table.states[state].items())
            }
            for state in order
        ]
        return {
            "keywords": keywords,
            "pattern": "|".join(symbols),
            "rules": [Rule.of_lark(rule) for rule in lark.rules],
            "actions": actions,
            "start": 0,
            "end": order[table.end_states["start"]],
        }

    def tokens(self, source: Source) -> tuple[list[Token], list[Diagnostic]]:
        """Cut the text into words. A malformed number is a diagnostic, and goes on as a number not known."""
        keywords = self.keywords
        make = tuple.__new__  # What Token's own maker does in the end, in half the time.
        tokens: list[Token] = []
        found: list[Diagnostic] = []
        strays = False
        for match in self.pattern.finditer(source.text):
            kind = match.lastgroup
            if kind is None:
                continue
            text = match[0]
            if kind == "NAME":
                kind = keywords.get(text, kind)
            elif kind == "NUMBER":
                if not text.isdecimal() or len(text) > 15 or text[0] == "0":
                    error = read_number(text, Span(source, *match.span()))[1]
                    if error is not None and len(found) <= MAX_ERRORS:
                        found.append(error)
            elif kind == "STRAY":
                strays = True
            tokens.append(make(Token, (kind, text, match.start(), match.end())))
        return joined(source, tokens) if strays else tokens, found

    def parse(self, tokens: list[Token]) -> tuple[nodes.Statement, ...]:
        """Run the tables over the tokens. Raises Unparsable at the first token that does not fit."""
        actions, reductions, moves = self.actions, self.reductions, self.moves
        # The start is there twice, so that there is always a state below.
        states: list[int] = [self.start, self.start]
        values: list[Any] = []
        starts: list[int] = []
        ends: list[int] = []
        at = 0
        count = len(tokens)
        token = tokens[0] if tokens else _END
        while True:
            key = (states[-2], states[-1], token[0])
            move = moves.get(key)
            if move is None:
                move = moves[key] = self._move(*key)
            states[-1], action = move
            if action is None:
                done = values[0] if values and values[0].__class__ is _Spliced else []
                raise Unparsable(at, states, done, self)
            if action >= 0:
                states.append(action)
                values.append(token)
                starts.append(token[2])
                ends.append(token[3])
                at += 1
                token = tokens[at] if at < count else _END
                continue
            build, origin, size, kept, inlined, expands = reductions[-1 - action]
            children: Any
            if size:
                if kept.__class__ is slice:
                    children = values[kept]
                else:
                    children = []
                    for i in kept:
                        child = values[i]
                        if child.__class__ is _Spliced:
                            # The first child may be kept growing: nobody else holds it.
                            if children:
                                children += child
                            else:
                                children = child
                        else:
                            children.append(child)
                start, end = starts[-size], ends[-1]
                del values[-size:], starts[-size:], ends[-size:], states[-size:]
            else:
                children, start, end = [], token[2], token[2]
            value: Any
            if inlined:
                value = children if children.__class__ is _Spliced else _Spliced(children)
            elif expands and len(children) == 1:
                value = children[0]
            else:
                value = build(children, start, end)
            values.append(value)
            starts.append(start)
            ends.append(end)
            states.append(actions[states[-1]][origin])
            if states[-1] == self.end and token is _END:
                result: tuple[nodes.Statement, ...] = value
                return result

    def _move(self, below: int, top: int, kind: str) -> tuple[int, int | None]:
        """The state once every unit rule that the next token asks for is applied, and what is done there.

        A unit rule ("a sum is a product") changes the state and nothing else, so a run of them is one step.
        """
        while (action := self.actions[top].get(kind)) is not None and action < 0:
            rule = self.rules[-1 - action]
            if rule.size != 1 or not rule.expands:
                break
            top = self.actions[below][rule.origin]
        return top, action

    def expected(self, states: list[int]) -> frozenset[str]:
        """The terminals that would have been accepted: those whose reductions end in a shift."""
        return frozenset(kind for kind in self.actions[states[-1]] if kind.isupper() and self._accepts(states, kind))

    def _accepts(self, states: list[int], kind: str) -> bool:
        stack = list(states)
        while (action := self.actions[stack[-1]].get(kind)) is not None:
            if action >= 0:
                return True
            rule = self.rules[-1 - action]
            del stack[len(stack) - rule.size :]
            stack.append(self.actions[stack[-1]][rule.origin])
            if stack[-1] == self.end:
                return kind == "$END"
        return False


_END = Token("$END", "", 0, 0)


@cache
def load_tables() -> Tables:
    """The tables of the grammar.

    They lie beside this file, for making them anew takes longer than all else that a check does. They hold the
    grammar that they were made from: where the grammar is another, Lark makes them.
    """
    grammar = grammar_path().read_text(encoding="utf-8")
    if TABLES.exists():
        kept = json.loads(TABLES.read_text(encoding="utf-8"))
        if kept.pop("grammar") == grammar:
            kept["rules"] = [Rule(*rule) for rule in kept["rules"]]
            return Tables(**kept)
    return Tables(**Tables.made_by_lark(grammar))


def grammar_path() -> Path:
    """The grammar: beside this file in an installed wheel, in `grammar/` in a checkout."""
    here = Path(__file__).parent
    inside = here / "archdsl.lark"
    return inside if inside.exists() else here.parent.parent / "grammar" / "archdsl.lark"


TABLES = Path(__file__).with_name("tables.json")


def write_tables() -> None:
    """Make the tables that are kept; run it when the grammar changes (`make tables`)."""
    grammar = grammar_path().read_text(encoding="utf-8")
    text = json.dumps({"grammar": grammar, **Tables.made_by_lark(grammar)}, separators=(",", ":"))
    TABLES.write_text(text + "\n", encoding="utf-8")


# What each rule of the grammar becomes. Children are nodes, tokens that the grammar keeps, and nothing else.


def _value(child: Any) -> Any:
    """A value as a node: numbers and names come as tokens."""
    if child.__class__ is Token:
        kind, text, start, end = child
        if kind == "NAME":
            return nodes.Name(text, start, end)
        if kind == "NUMBER":
            if text.isdecimal() and len(text) < 16 and (text[0] != "0" or text == "0"):
                return nodes.Number(int(text), start, end)
            return nodes.Number(read_number(text, Span(Source("", ""), 0, 0))[0], start, end)
        return nodes.Number(kind == "TRUE", start, end)
    if child.__class__ is Cut:
        # A value is missing here: it is not known.
        return nodes.Number(None, child.start, child.end)
    return child


def _name(token: Token) -> nodes.Name:
    return nodes.Name(token.text, token.start, token.end)


def _pattern(child: Any) -> nodes.Pattern:
    return _name(child) if child.__class__ is Token else child


def _layer(children: list[Any], start: int, end: int) -> nodes.Layer | nodes.Broken:
    if children[0].__class__ is Cut:
        return broken([children[0]])
    args = body = None
    for child in children[1:]:
        if child.__class__ is nodes.Body:
            body = child
        else:
            args = child
    return nodes.Layer(_name(children[0]), args, body, start, end)


def _block(children: list[Any], start: int, end: int) -> nodes.Block:
    parameters = children[1] if len(children) == 3 else ()
    return nodes.Block(_name(children[0]), parameters, children[-1], start, end)


def _if(children: list[Any], start: int, end: int) -> nodes.If:
    # Conditions and bodies take turns; a body too many is that of the last else.
    otherwise = children[-1] if len(children) % 2 else None
    arms = zip(children[0 : len(children) - 1 : 2], children[1::2], strict=False)
    return nodes.If(tuple((_value(condition), body) for condition, body in arms), otherwise, start, end)


def _chained(operator: str) -> Any:
    """A rule whose operator is known by its name: `a and b and c`."""
    return lambda children, start, end: nodes.Operation(
        _value(children[0]), tuple((operator, _value(child)) for child in children[1:]), start, end
    )


def _operation(children: list[Any], start: int, end: int) -> nodes.Operation:
    """A rule that keeps its operators: `a + b - c`."""
    rest = zip(children[1::2], children[2::2], strict=True)
    return nodes.Operation(
        _value(children[0]), tuple((sign.text, _value(operand)) for sign, operand in rest), start, end
    )


_BUILD: dict[str, Any] = {
    "start": lambda children, start, end: tuple(children),
    "import_": lambda children, start, end: nodes.Import(children[0].text[1:-1], children[0].start, children[0].end),
    "block": _block,
    "let": lambda children, start, end: nodes.Let(_name(children[0]), _value(children[1]), start, end),
    "params": lambda children, start, end: tuple(children),
    "param": lambda children, start, end: nodes.Parameter(
        _pattern(children[0]), _value(children[1]) if len(children) == 2 else None, start, end
    ),
    "unpack": lambda children, start, end: nodes.Unpack(tuple(map(_pattern, children)), start, end),
    "labelled": lambda children, start, end: nodes.Labelled(_name(children[0]), children[1], start, end),
    "layer": _layer,
    "for_": lambda children, start, end: nodes.For(_pattern(children[0]), _value(children[1]), children[2], start, end),
    "if_": _if,
    "body": lambda children, start, end: nodes.Body(tuple(children), start, end),
    "chain": lambda children, start, end: tuple(children),
    "args": lambda children, start, end: tuple(map(_value, children)),
    "keyword": lambda children, start, end: nodes.Keyword(_name(children[0]), _value(children[1]), start, end),
    "or_": _chained("or"),
    "and_": _chained("and"),
    "negation": lambda children, start, end: nodes.Unary("not", _value(children[0]), start, end),
    "comparison": _operation,
    "sum": _operation,
    "product": _operation,
    "minus": lambda children, start, end: nodes.Unary("-", _value(children[1]), start, end),
    "call": lambda children, start, end: nodes.Call(_name(children[0]), children[1], start, end),
    "tuple": lambda children, start, end: nodes.Tuple(tuple(map(_value, children)), start, end),
}
