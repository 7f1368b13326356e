"""The layout of specs: text in and text out, in `tests/layouts.md` and `docs/format.md`, and random texts."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from test_random_specs import Draw, written
from work import calls_of

from archdsl.source import Source
from archdsl.syntax import format as formatting
from archdsl.syntax.format import WIDTH, UnfaithfulLayout, comments, formatted, same_tree
from archdsl.syntax.parse import load_tables, parse
from archdsl.syntax.tokens import Token

REPOSITORY = Path(__file__).parent.parent
LAYOUTS = Path(__file__).with_name("layouts.md")
REWRITE = bool(os.environ.get("ARCHDSL_REWRITE"))

_FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def laid_out(text: str) -> str:
    """The text in its layout, which must be as it is with another pass, and clean."""
    result, found = formatted(Source("spec.arch", text))
    assert result is not None, found
    assert formatted(Source("spec.arch", result)) == (result, []), "not the same with another pass"
    assert words(result) == words(text)
    assert comments(result) == comments(text)
    assert same_tree(parse(Source("", result))[0].statements, parse(Source("", text))[0].statements)
    assert result == "" or (result.endswith("\n") and not result.startswith("\n"))
    assert not re.search(r"[ \t]\n|\n\n\n|\n\n\Z|\r", result)
    return result


def words(text: str) -> list[str]:
    """The words of a text, without commas, which may come and go at the end of a list."""
    return [token.text for token in load_tables().tokens(Source("", text))[0] if token.text != ","]


class Pair(NamedTuple):
    """A text and its layout, which is the same text where it stands alone; `place` of the layout in its document."""

    before: str
    after: str
    title: str
    place: tuple[int, int]


def pairs(document: Path) -> list[Pair]:
    """Blocks of `text` with the `arch` that follows, and each other `arch` alone."""
    found: list[Pair] = []
    text = document.read_text(encoding="utf-8")
    before: str | None = None
    for match in _FENCE.finditer(text):
        if match[1] == "text":
            before = match[2]
        elif match[1] == "arch":
            line = text.count("\n", 0, match.start()) + 1
            found.append(Pair(match[2] if before is None else before, match[2], f"line {line}", match.span(2)))
            before = None
    return found


@pytest.mark.parametrize("pair", pairs(LAYOUTS), ids=lambda pair: pair.title)
def test_layout(pair: Pair) -> None:
    result = laid_out(pair.before)
    if REWRITE and result != pair.after:
        now = next(each for each in pairs(LAYOUTS) if each[:2] == pair[:2]).place
        text = LAYOUTS.read_text(encoding="utf-8")
        LAYOUTS.write_text(text[: now[0]] + result + text[now[1] :], encoding="utf-8")
    else:
        assert result == pair.after


@pytest.mark.parametrize("pair", pairs(REPOSITORY / "docs" / "format.md"), ids=lambda pair: pair.title)
def test_the_page_on_the_layout(pair: Pair) -> None:
    assert laid_out(pair.before) == pair.after


def test_both_documents_have_layouts() -> None:
    changed = [pair for path in (LAYOUTS, REPOSITORY / "docs/format.md") for pair in pairs(path) if pair[0] != pair[1]]
    assert len(changed) > 25


@pytest.mark.parametrize("pair", pairs(REPOSITORY / "grammar" / "README.md"), ids=lambda pair: pair.title)
def test_the_reference_shows_specs_in_their_layout(pair: Pair) -> None:
    assert laid_out(pair.after) == pair.after


@pytest.mark.parametrize(
    "path",
    [
        path
        for folder in ("specs", "archdsl/library", "tests/well_known")
        for path in sorted(REPOSITORY.glob(f"{folder}/*.arch"))
    ],
    ids=lambda path: path.name,
)
def test_the_specs_here_are_in_their_layout(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert laid_out(text) == text, "run `archdsl fmt`"


def test_the_specs_of_the_cases() -> None:
    count = 0
    for path in sorted((REPOSITORY / "tests" / "cases").rglob("*.md")):
        for match in re.finditer(r"^```arch[^\n]*\n(.*?)^```$", path.read_text(encoding="utf-8"), re.M | re.S):
            if not parse(Source("", match[1]))[1]:
                laid_out(match[1])
                count += 1
    assert count > 150


def test_a_text_that_does_not_parse_is_not_laid_out() -> None:
    for text in ("conv(3", "conv(007, 3)", "relu \0", "}" * 3, "seq {" * 101 + "relu" + "}" * 101):
        result, found = formatted(Source("", text))
        assert result is None
        assert found


def test_a_layout_that_is_too_large_for_a_file_is_an_error() -> None:
    text = ("seq {" * 99 + "\n" + "}" * 99 + "\n") * 60
    assert len(text) < 40_000
    result, found = formatted(Source("", text))
    assert result is None
    assert [each.code for each in found] == ["file-too-large"]


@pytest.mark.parametrize(
    "wrong", ["conv(3, 4) relu  # b\n", "conv(3, 3) relu\n", "conv(3, 3) relu  # c\n", "conv(3, 3) relu # b", "conv(\n"]
)
def test_a_layout_that_would_mean_something_else_is_refused(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setattr(formatting._Printer, "run", lambda printer: wrong)
    source = Source("", "conv(3,3) relu # b\n")
    if wrong == "conv(3, 3) relu # b":
        assert formatted(source) == (wrong, [])
    else:
        with pytest.raises(UnfaithfulLayout):
            formatted(source)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("conv(3)", "conv(3.0)"),
        ("conv(1)", "conv(true)"),
        ("relu", "relu()"),
        ("conv(3)", "conv((3,))"),
        ("conv(a + b + c)", "conv(a + (b + c))"),
        ("relu tanh", "seq { relu tanh }"),
        ('import "a"', 'import "b"'),
        ("if a { relu }", "if a { relu } else { relu }"),
        ("let a = -1", "let a = not 1"),
    ],
)
def test_other_trees_are_told_apart(a: str, b: str) -> None:
    trees = [parse(Source("", text))[0].statements for text in (a, b, f"  {a}  ")]
    assert not same_tree(trees[0], trees[1])
    assert same_tree(trees[0], trees[2])


# Random texts: random specs, their space replaced by other space and by comments.


def shaken(draw: random.Random, text: str) -> str:
    """The words of a text with random space, line ends, comments and trailing commas between them."""
    tokens = load_tables().tokens(Source("", text))[0]
    of_comments, of_lines = draw.choice((0, 0, 0.02, 0.2)), draw.choice((0, 0.05, 0.3))
    written_so_far: list[str] = []
    for index, token in enumerate(tokens):
        if token.type == "RPAR" and draw.random() < 0.2 and may_end_with_a_comma(tokens, index):
            written_so_far += [",", space(draw, of_comments, of_lines)]
        written_so_far += [space(draw, of_comments, of_lines), token.text]
    return "".join(written_so_far) + draw.choice(("", "\n", "\n\n", "# end", "\n# end\n", "\n\n# end"))


def statements(draw: random.Random) -> str:
    """Lets and loops with long values and patterns: text that parses, whatever it means."""
    lines = ['import "a # b.arch"']
    for _ in range(draw.randrange(4)):
        start = draw.choice(
            ("let v = {}", "for (a, (b, c)) in {} {{ relu }}", "conv({}, k={})", "if {} {{ relu tanh }}")
        )
        lines.append(start.format(value(draw, 4), value(draw, 2)))
    return "\n".join(lines) + "\n"


def value(draw: random.Random, depth: int) -> str:
    kind = draw.choice(("word", "word", "tuple", "call", "operation", "group", "sign")) if depth else "word"
    if kind == "word":
        return draw.choice(("1", "64", "0.5", "true", "in_channels", "a_value_with_a_long_name"))
    if kind == "tuple":
        return f"({value(draw, depth - 1)}, {', '.join(value(draw, depth - 1) for _ in range(draw.randrange(6)))})"
    if kind == "call":
        return f"choose({', '.join(value(draw, depth - 1) for _ in range(draw.randrange(6)))})"
    if kind == "group":
        return f"({value(draw, depth - 1)})"
    if kind == "sign":
        return f"{draw.choice(('-', '- -'))}({value(draw, depth - 1)})"
    operators = [draw.choice(("+", "-", "*", "//", "and", "or")) for _ in range(draw.randrange(1, 5))]
    return value(draw, depth - 1) + "".join(f" {each} {value(draw, depth - 1)}" for each in operators)


def space(draw: random.Random, of_comments: float, of_lines: float) -> str:
    pieces = []
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        kind = draw.random()
        if kind < of_comments:
            comment = draw.choice(("#", "#!", "# | { (", "# ünï", '# "', "#  x  ", "# \t"))
            pieces.append(f"{draw.choice((' ', '', chr(10)))}{comment}{draw.randrange(100)}\n")
        elif kind < of_comments + of_lines:
            pieces.append(draw.choice(("\n", "\n\n", "\n\n\n\n", "\n  ")))
        else:
            pieces.append(draw.choice((" ", "  ", "\t")))
    return "".join(pieces)


def may_end_with_a_comma(tokens: list[Token], closer: int) -> bool:
    """Whether a comma before this parenthesis would change nothing: in a call with arguments, in a tuple."""
    depth, commas = 0, 0
    for index in range(closer - 1, -1, -1):
        kind = tokens[index].type
        if kind == "LPAR" and depth == 0:
            return tokens[closer - 1].type not in ("COMMA", "LPAR") and (commas > 0 or tokens[index - 1].type == "NAME")
        depth += (kind == "RPAR") - (kind == "LPAR")
        commas += kind == "COMMA" and depth == 0
    return False


@pytest.mark.parametrize("width", [100, 60, 24])
def test_random_texts(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr(formatting, "WIDTH", width)
    shake(range(80), width)


@pytest.mark.slow
@pytest.mark.parametrize("width", [100, 60, 24])
def test_many_random_texts(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr(formatting, "WIDTH", width)
    shake(range(1_000, 4_000), width)


def shake(seeds: range, width: int) -> None:
    for seed in seeds:
        drawn = Draw(seed)
        shape, chain = drawn.spec()
        draw = random.Random(seed)
        text = shaken(draw, statements(draw) + written(drawn.blocks, shape, chain))
        try:
            result = laid_out(text)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}\n{text}") from error
        # In less room there is what can't be broken.
        if width == WIDTH:
            assert all(len(re.sub("  #.*", "", line)) <= width for line in result.splitlines()), f"seed {seed}"


# Size.

LARGE = {
    "lines": "conv(8, 3, p1) relu\n" * 1_000,
    "one line": "conv(8, 3, p1) relu " * 500,
    "bare words": "relu " * 3_000,
    "signs": "conv(" + "-" * 6_000 + "3, 1)",
    "negations": "if " + "not " * 6_000 + "true { relu }",
    "a sum": "conv(" + "1 + " * 5_000 + "1, 1)",
    "arms": "if false { relu } " + "else if false { relu } " * 1_200 + "else { tanh }",
    "arguments": "conv(max(" + "1, " * 5_000 + "3), 1)",
    "bodies": "seq { " * 99 + "relu" + " }" * 99,
    "parentheses": "conv(" + "(" * 98 + "3" + ")" * 98 + ", 1)",
    "lists": "let x = " + ("(" + "1, " * 20) * 90 + "1" + ")" * 90,
    "broken bodies": ("seq {\n" * 99 + "relu" + "}" * 99 + "\n") * 10,
    "comments": "# x\n" * 10_000,
    "comments in calls": "conv(# x\n3)" * 1_000,
    "comments at the end": "relu # x\n" * 5_000,
    "branches": "add {" + "relu | " * 5_000 + " relu }",
    "rows": "let x = (" + "(1, 2), " * 2_000 + ")",
    "a name": "a" * 100_000 + " b",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_large_texts(name: str) -> None:
    laid_out(LARGE[name])


def test_twice_the_text_is_twice_the_work() -> None:
    def calls(count: int) -> int:
        return calls_of(lambda: formatted(Source("", "concat { conv(8, 3, p1) relu  # x\n | identity }\n" * count)))

    calls(1)  # What is loaded once is loaded.
    assert calls(400) < 2.1 * calls(200)
