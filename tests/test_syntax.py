"""The grammar and the loop that runs its tables: no conflicts, and what lark accepts is what we accept."""

from __future__ import annotations

import json
import random
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lark import Lark, LarkError
from lark import Token as LarkToken

from archdsl.source import Source
from archdsl.syntax import nodes
from archdsl.syntax import parse as parsing
from archdsl.syntax.parse import TABLES, Tables, Unparsable, grammar_path, load_tables, parse
from archdsl.syntax.tokens import Token

REPOSITORY = Path(__file__).parent.parent
GRAMMAR = grammar_path().read_text(encoding="utf-8")


class KeepStray:
    """Strict mode refuses a terminal that no rule uses, unless a post-lexer takes it."""

    always_accept = ("STRAY",)

    def process(self, stream: Any) -> Any:
        return stream


@cache
def lark() -> Lark:
    return Lark(GRAMMAR, parser="lalr", lexer="basic", strict=True, maybe_placeholders=False, postlex=KeepStray())


def test_the_grammar_has_no_conflicts() -> None:
    assert lark().rules


def test_strict_mode_would_find_a_conflict() -> None:
    with pytest.raises(LarkError):
        Lark('start: "a" b | "a" c\nb: "x"\nc: "x"\n', parser="lalr", lexer="basic", strict=True)


def test_the_tables_are_those_of_the_grammar() -> None:
    kept = json.loads(TABLES.read_text(encoding="utf-8"))
    assert kept.pop("grammar") == GRAMMAR
    made = json.loads(json.dumps(Tables.made_by_lark(GRAMMAR)))
    assert kept == made, "run `make tables`"


def test_a_changed_grammar_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = tmp_path / "archdsl.lark"
    changed.write_text(GRAMMAR.replace('let: "let"', 'let: "def"'), encoding="utf-8")
    monkeypatch.setattr(parsing, "grammar_path", lambda: changed)
    tables = load_tables.__wrapped__()
    assert "def" in tables.keywords
    assert "let" not in tables.keywords


def test_every_rule_is_built() -> None:
    built = {rule.name for rule in load_tables().rules if not rule.inlined}
    passed_on = {rule.name for rule in load_tables().rules if rule.expands}
    assert built - passed_on <= parsing._BUILD.keys()
    assert parsing._BUILD.keys() <= built


def corpus() -> list[str]:
    """The specs, the library, and every spec of the cases."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(REPOSITORY.glob("specs/*.arch"))]
    texts += [path.read_text(encoding="utf-8") for path in sorted(REPOSITORY.glob("archdsl/library/*.arch"))]
    for path in sorted(REPOSITORY.glob("tests/cases/**/*.md")):
        texts += re.findall(r"^```arch[^\n]*\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return texts


def accepted_by_lark(tokens: list[Token]) -> bool:
    """Whether lark's own parser takes the tokens."""
    parser = lark().parse_interactive("")
    try:
        for token in tokens:
            parser.feed_token(LarkToken(token.type, token.text))
        parser.feed_eof()
    except LarkError:
        return False
    return True


def accepted_by_us(tokens: list[Token]) -> bool:
    try:
        load_tables().parse(tokens)
    except Unparsable:
        return False
    return True


@pytest.mark.slow
def test_the_same_words_as_lark_cuts() -> None:
    for text in corpus():
        ours = load_tables().tokens(Source("", text))[0]
        # Ours joins neighbouring strays.
        if any(token.type == "STRAY" for token in ours):
            continue
        assert [(token.type, token.text, token.start) for token in ours] == [
            (token.type, str(token), token.start_pos) for token in lark().lex(text)
        ]


def test_the_same_texts_as_lark_accepts() -> None:
    for text in corpus():
        tokens = load_tables().tokens(Source("", text))[0]
        assert accepted_by_us(tokens) == accepted_by_lark(tokens), text


def test_the_same_random_texts_as_lark_accepts() -> None:
    draw = random.Random(1)
    texts = [load_tables().tokens(Source("", text))[0] for text in corpus()]
    texts = [tokens for tokens in texts if 4 < len(tokens) < 120]
    kinds = sorted({(token.type, token.text) for tokens in texts for token in tokens})
    counts = {True: 0, False: 0}
    for _ in range(1_500):
        tokens = list(draw.choice(texts))
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            at = draw.randrange(len(tokens))
            other = Token(*draw.choice(kinds), 0, 0)
            draw.choice(
                (
                    lambda tokens, at, other: tokens.insert(at, other),
                    lambda tokens, at, other: tokens.__setitem__(at, other),
                    lambda tokens, at, other: tokens.pop(at) if len(tokens) > 1 else None,
                    lambda tokens, at, other: tokens.insert(at, tokens[at]),
                )
            )(tokens, at, other)
        accepted = accepted_by_us(tokens)
        assert accepted == accepted_by_lark(tokens), " ".join(token.text for token in tokens)
        counts[accepted] += 1
    assert min(counts.values()) > 100, counts


def test_random_words_are_accepted_as_lark_does() -> None:
    draw = random.Random(2)
    kinds = [Token(kind, text, 0, 0) for kind, text in SMALL_WORDS]
    for _ in range(3_000):
        tokens = [draw.choice(kinds) for _ in range(draw.randrange(9))]
        assert accepted_by_us(tokens) == accepted_by_lark(tokens), " ".join(token.text for token in tokens)


SMALL_WORDS = [
    ("NAME", "conv"), ("NUMBER", "3"), ("LPAR", "("), ("RPAR", ")"), ("LBRACE", "{"), ("RBRACE", "}"), ("COMMA", ","),
    ("VBAR", "|"), ("EQUAL", "="), ("COLON", ":"), ("LET", "let"), ("BLOCK", "block"), ("FOR", "for"), ("IN", "in"),
    ("IF", "if"), ("ELSE", "else"), ("NOT", "not"), ("MINUS", "-"), ("PLUS", "+"), ("COMPARE", "<"), ("TRUE", "true"),
]  # fmt: skip


def test_what_is_expected_after_an_error_is_what_would_be_accepted() -> None:
    draw = random.Random(3)
    texts = [load_tables().tokens(Source("", text))[0] for text in corpus()]
    kinds = {kind for tokens in texts for kind in (token.type for token in tokens)}
    for tokens in draw.sample(texts, 40):
        if not tokens:
            continue
        piece = tokens[: draw.randrange(len(tokens))]
        try:
            load_tables().parse([*piece, Token("STRAY", "@", 0, 0)])
        except Unparsable as failure:
            at, expected = failure.at, failure.expected
        if at < len(piece):
            continue
        for kind in kinds:
            accepted = True
            try:
                load_tables().parse([*piece, Token(kind, "x", 0, 0)])
            except Unparsable as failure:
                accepted = failure.at > len(piece)
            assert accepted == (kind in expected), kind


# Every node knows its characters.


def walk(node: Any) -> list[Any]:
    """A node and all below it, without recursion."""
    found, stack = [], [node]
    while stack:
        current = stack.pop()
        if hasattr(current, "start"):
            found.append(current)
        if isinstance(current, tuple):
            stack += current
    return found


def test_the_characters_of_a_node_are_within_those_around_it() -> None:
    for text in corpus():
        file, errors = parse(Source("", text))
        if errors:
            continue
        previous = 0
        for statement in file.statements:
            assert previous <= statement.start < statement.end <= len(text)
            previous = statement.end
            for node in walk(statement):
                assert statement.start <= node.start < node.end <= statement.end
                if isinstance(node, nodes.Name):
                    assert text[node.start : node.end] == node.text


def test_a_node_parses_to_itself() -> None:
    """A statement's characters alone give the same statement."""
    for text in corpus():
        file, errors = parse(Source("", text))
        for statement in file.statements if not errors else ():
            start = statement.start - (len("import ") if isinstance(statement, nodes.Import) else 0)
            alone, errors = parse(Source("", " " * start + text[start : statement.end]))
            assert not errors
            assert alone.statements == (statement,)
