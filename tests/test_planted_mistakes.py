"""One mistake, one error: in valid specs one to five independent mistakes are planted, and exactly these are found.

First each in a piece of its own, that is, between two lines that begin in column 1; then anywhere, several in one body.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tries import TRIES

import archdsl
from archdsl.diagnostics.render import render
from archdsl.layers import LAYERS
from archdsl.source import Source
from archdsl.syntax import nodes
from archdsl.syntax.parse import load_tables, parse

REPOSITORY = Path(__file__).parent.parent

RICH = """\
let classes = 10
let widths = (8, 16)
let plain = false

block basic(channels, s=1) {
  add {
      conv(channels, 3, p1, s=s, nobias) batchnorm relu
      conv(channels, 3, p1, nobias) batchnorm
    | if s == 1 and in_channels == channels { identity }
      else { conv(channels, 1, s=s, nobias) batchnorm }
  }
  relu
}

block squeeze(reduction=4) {
  mul {
    identity
    | global_avgpool
      let inner = max(in_channels / reduction, 1)
      conv(inner, 1) relu
      conv(in_channels * reduction, 1) sigmoid
  }
}

input(3, 32, 32)

stem: {
  conv(8, 3, p1)
  relu
}
for c in widths {
  layer: {
    basic(c, s2)
    repeat(2) {
      basic(c)
      squeeze
    }
  }
}
if plain {
  relu
} else if classes > 5 {
  concat { conv(12, 1) | conv(4, 3, p1) | avgpool(3, 1, p1) }
}
head: {
  global_avgpool
  flatten
  dropout(0.2)
  fc(classes)
}
"""


class Mistake(NamedTuple):
    """A change of the text: characters `start` to `end - 1` become `text`. `codes` may be found for it."""

    start: int
    end: int
    text: str
    codes: tuple[str, ...]


class Spec:
    """A valid text, its tokens cut in pieces that start in column 1, and its nodes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.source = Source("spec", text)
        self.tokens = load_tables().tokens(self.source)[0]
        self.pieces: list[list[int]] = []
        for index, token in enumerate(self.tokens):
            first = token.start == 0 or text[token.start - 1] == "\n"
            if not self.pieces or (first and token.type not in ("RBRACE", "RPAR", "VBAR", "ELSE")):
                self.pieces.append([])
            self.pieces[-1].append(index)
        self.nodes = list(walk(parse(self.source)[0].statements))
        self.layers = {node.start: node for node in self.nodes if isinstance(node, nodes.Layer)}
        self.blocks = {node.name.text for node in self.nodes if isinstance(node, nodes.Block)}
        self.values = {node.start for node in self.nodes if isinstance(node, nodes.Name) and is_value(self, node)}


def walk(node: Any) -> Iterator[Any]:
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if isinstance(current, tuple):
            stack += current


def is_value(spec: Spec, name: nodes.Name) -> bool:
    """Whether a name is used in a value: not a word, label, definition, pattern or flag."""
    index = next(i for i, token in enumerate(spec.tokens) if token.start == name.start)
    before, after = spec.tokens[index - 1].type, spec.tokens[min(index + 1, len(spec.tokens) - 1)].type
    is_operand = before in ("EQUAL", "PLUS", "MINUS", "TIMES", "COMPARE", "IF", "AND", "OR", "NOT")
    return is_operand and after not in ("LPAR", "EQUAL", "COLON") and name.text not in ("in_channels", "in_features")


def misspelt_word(spec: Spec, index: int) -> Mistake | None:
    token = spec.tokens[index]
    node = spec.layers.get(token.start)
    if node is None or token.text == "input":
        return None
    return Mistake(token.start, token.end, token.text[:1] + "z" + token.text[1:], ("unknown-layer",))


def misspelt_name(spec: Spec, index: int) -> Mistake | None:
    token = spec.tokens[index]
    if token.start not in spec.values:
        return None
    return Mistake(token.end, token.end, "zz", ("unknown-name",))


def missing_comma(spec: Spec, index: int) -> Mistake | None:
    token = spec.tokens[index]
    if token.type != "COMMA" or spec.tokens[index + 1].type not in ("NAME", "NUMBER"):
        return None
    return Mistake(token.start, token.end, " ", ("missing-comma",))


def missing_closer(spec: Spec, index: int) -> Mistake | None:
    token = spec.tokens[index]
    if token.type not in ("RPAR", "RBRACE"):
        return None
    return Mistake(token.start, token.end, " ", ("unclosed", "wrong-closer"))


def wrong_closer(spec: Spec, index: int) -> Mistake | None:
    token = spec.tokens[index]
    if token.type not in ("RPAR", "RBRACE"):
        return None
    return Mistake(token.start, token.end, "}" if token.text == ")" else ")", ("wrong-closer", "unclosed"))


def extra_closer(spec: Spec, index: int) -> Mistake | None:
    token = spec.tokens[index]
    if not any(piece[-1] == index for piece in spec.pieces):
        return None
    return Mistake(token.end, token.end, random.Random(index).choice((" }", ")")), ("unopened",))


def missing_opener(spec: Spec, index: int) -> Mistake | None:
    token = spec.tokens[index]
    if token.type != "LBRACE":
        return None
    return Mistake(token.start, token.end, " ", ANY)


def decimal(spec: Spec, index: int) -> Mistake | None:
    """A decimal for the channels or the kernel of a layer. In a chain that is not taken it is no mistake."""
    if spec.text != RICH and re.search(r"repeat\(0\)|range\(0\)|\bif\b", spec.text):
        return None
    token = spec.tokens[index]
    word = spec.layers.get(spec.tokens[index - 2].start) if index > 1 else None
    if token.type != "NUMBER" or word is None or spec.tokens[index - 1].type != "LPAR":
        return None
    if word.word.text in spec.blocks or word.word.text not in ("conv", "pool", "avgpool", "fc"):
        return None
    return Mistake(token.start, token.end, "2.5", ("wrong-kind",))


def unknown_flag(spec: Spec, index: int) -> Mistake | None:
    token = spec.tokens[index]
    node = next((node for node in spec.layers.values() if node.args and node.args[-1].end == token.end), None)
    if node is None or node.word.text not in LAYERS:
        return None
    return Mistake(token.end, token.end, ", zzz", ("unknown-flag",))


def missing_let(spec: Spec, index: int) -> Mistake | None:
    token = spec.tokens[index]
    return Mistake(token.start, token.end, "", ("missing-let",)) if token.type == "LET" else None


def stray(spec: Spec, index: int) -> Mistake | None:
    return Mistake(spec.tokens[index].end, spec.tokens[index].end, " ; ", ("stray-character",))


def pair_with_x(spec: Spec, index: int) -> Mistake | None:
    token = spec.tokens[index]
    return Mistake(token.start, token.end, "3x3", ("malformed-number",)) if token.type == "NUMBER" else None


ANY: tuple[str, ...] = ()

KINDS: list[Callable[[Spec, int], Mistake | None]] = [
    misspelt_word,
    misspelt_name,
    missing_comma,
    missing_closer,
    wrong_closer,
    extra_closer,
    missing_opener,
    decimal,
    unknown_flag,
    missing_let,
    stray,
    pair_with_x,
]


def specs() -> list[Spec]:
    texts = [RICH] + [path.read_text(encoding="utf-8") for path in sorted(REPOSITORY.glob("specs/*.arch"))]
    for path in sorted(REPOSITORY.glob("tests/cases/**/*.md")):
        texts += re.findall(r"^```arch\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [Spec(text) for text in texts if not archdsl.check(text).diagnostics]


def plant(spec: Spec, seed: int, kinds: list[Callable[[Spec, int], Mistake | None]]) -> list[Mistake]:
    """One to three mistakes, each in a piece of its own."""
    draw = random.Random(seed)
    mistakes: list[Mistake] = []
    for piece in draw.sample(spec.pieces, min(draw.choice((1, 2, 3)), len(spec.pieces))):
        kind = draw.choice(kinds)
        possible = [mistake for mistake in (kind(spec, index) for index in piece) if mistake is not None]
        if possible:
            mistakes.append(draw.choice(possible))
    return sorted(mistakes)


def misjudged(spec: Spec, mistakes: list[Mistake]) -> str | None:
    """What was found instead of the mistakes, or None where exactly these were found."""
    text = spec.text
    for mistake in reversed(mistakes):
        text = text[: mistake.start] + mistake.text + text[mistake.end :]
    found = archdsl.check(text).diagnostics
    shown = f"{text}\n{mistakes}\n{render(found)}"
    if len(found) != len(mistakes):
        return shown
    # Every piece with a mistake has the one error for it.
    shift = 0
    starts = [spec.tokens[piece[0]].start for piece in spec.pieces]
    for mistake, error in zip(mistakes, found, strict=True):
        first = max((start for start in starts if start <= mistake.start), default=0) + shift
        shift += len(mistake.text) - (mistake.end - mistake.start)
        last = min((start for start in starts if start > mistake.start), default=len(spec.text)) + shift
        if not first <= error.primary.span.start <= last or (mistake.codes and error.code not in mistake.codes):
            return shown
    return None


# Mistakes anywhere


def arrow(spec: Spec, index: int) -> Mistake | None:
    """An arrow in front of a layer that follows another one."""
    token = spec.tokens[index]
    before = spec.tokens[index - 1].type if index else ""
    if token.start not in spec.layers or before not in ("RPAR", "NAME") or spec.tokens[index - 2].type == "BLOCK":
        return None
    return Mistake(token.start, token.start, "-> ", ("stray-character",))


def comma_between(spec: Spec, index: int) -> Mistake | None:
    mistake = arrow(spec, index)
    return mistake and mistake._replace(text=", ")


def square_brackets(spec: Spec, index: int) -> Mistake | None:
    """Square brackets for the parentheses of a call."""
    token = spec.tokens[index]
    node = spec.layers.get(token.start)
    if node is None or not node.args or node.body is not None or spec.text[token.end] != "(" or token.text == "input":
        return None
    text = spec.text[token.end + 1 : node.end - 1]
    return Mistake(token.end, node.end, f"[{text}]", ("stray-character",)) if "\n" not in text else None


def from_torch(spec: Spec, index: int) -> Mistake | None:
    """The name that torch has for a layer."""
    token = spec.tokens[index]
    names = {"conv": "nn.Conv2d", "relu": "ReLU", "pool": "MaxPool2d", "batchnorm": "BatchNorm2d", "fc": "nn.Linear"}
    if token.start not in spec.layers or token.text not in names:
        return None
    return Mistake(token.start, token.end, names[token.text], ("unknown-layer",))


def named_as_in_torch(spec: Spec, index: int) -> Mistake | None:
    token = spec.tokens[index]
    names = {"p1": "padding=1", "s2": "strides=2"}
    return Mistake(token.start, token.end, names[token.text], ("unknown-argument",)) if token.text in names else None


def out_of_range(spec: Spec, index: int) -> Mistake | None:
    """Zero channels, or a kernel of zero."""
    found = decimal(spec, index)
    return found and found._replace(text="0", codes=("value-out-of-range",))


def without_parentheses(spec: Spec, index: int) -> Mistake | None:
    token = spec.tokens[index]
    node = spec.layers.get(token.start)
    if node is None or not node.args or node.body is not None or token.text in ("input", *spec.blocks):
        return None
    text = spec.text[token.end + 1 : node.end - 1]
    return Mistake(token.end, node.end, f" {text}", ("missing-parentheses",)) if text.isdecimal() else None


def colon_for_equals(spec: Spec, index: int) -> Mistake | None:
    token = spec.tokens[index]
    if token.type != "EQUAL" or spec.tokens[index - 2].type not in ("COMMA", "LET"):
        return None
    codes = ("argument-with-colon", "malformed-parameter", "let-without-equals")
    return Mistake(token.start, token.end, ":", codes)


def comment_of_c(spec: Spec, index: int) -> Mistake | None:
    """A comment at the end of a line."""
    token = spec.tokens[index]
    end = spec.text.find("\n", token.end)
    last = index + 1 == len(spec.tokens) or spec.tokens[index + 1].start > end
    if not last or end < 0 or "#" in spec.text[token.end : end] or token.type not in ("RBRACE", "LBRACE"):
        return None
    return Mistake(token.end, token.end, "  // as it was", ("stray-character",))


STRUCTURAL = [missing_closer, wrong_closer, extra_closer, missing_opener]
LOCAL = [kind for kind in KINDS if kind not in STRUCTURAL and kind is not missing_let]
LOCAL += [
    arrow,
    comma_between,
    square_brackets,
    from_torch,
    named_as_in_torch,
    out_of_range,
    without_parentheses,
    colon_for_equals,
    comment_of_c,
]


def plant_anywhere(spec: Spec, seed: int) -> list[Mistake]:
    """Two to five mistakes on lines of their own; of brackets one in a piece, for two may make up for each other."""
    draw = random.Random(seed)
    mistakes: list[Mistake] = []
    lines: set[int] = set()
    pieces_with_structural: set[int] = set()
    wanted = draw.randrange(2, 6)
    for _ in range(60):
        if len(mistakes) == wanted:
            break
        kind = draw.choice(STRUCTURAL if draw.random() < 0.2 else LOCAL)
        index = draw.randrange(len(spec.tokens))
        mistake = kind(spec, index)
        if mistake is None:
            continue
        touched = {spec.source.position(mistake.start)[0], spec.source.position(max(mistake.end - 1, mistake.start))[0]}
        piece = next(number for number, piece in enumerate(spec.pieces) if index in piece)
        if touched & lines or (kind in STRUCTURAL and piece in pieces_with_structural):
            continue
        lines |= {line + step for line in touched for step in ((-1, 0, 1) if kind in STRUCTURAL else (0,))}
        if kind in STRUCTURAL:
            pieces_with_structural.add(piece)
        mistakes.append(mistake)
    return sorted(mistakes)


def misjudged_anywhere(spec: Spec, mistakes: list[Mistake]) -> str | None:
    """What was found instead, or None where each mistake was found once, in its piece with its code, and no more."""
    text = spec.text
    for mistake in reversed(mistakes):
        text = text[: mistake.start] + mistake.text + text[mistake.end :]
    found = [each for each in archdsl.check(text).diagnostics if each.severity == "error"]
    shown = f"{text}\n{mistakes}\n{render(found)}"
    if len(found) != len(mistakes):
        return shown
    starts = [spec.tokens[piece[0]].start for piece in spec.pieces]
    moved = [
        (start, start + sum(len(m.text) - m.end + m.start for m in mistakes if m.start < start)) for start in starts
    ]
    left = list(found)
    # Those of which the code is not known are matched last.
    for mistake in sorted(mistakes, key=lambda each: not each.codes):
        piece = max((start for start, _ in moved if start <= mistake.start), default=0)
        first = dict(moved).get(piece, 0)
        last = min((now for start, now in moved if start > mistake.start), default=len(text))
        match = [
            error
            for error in left
            if first <= error.primary.span.start < max(last, first + 1)
            and (not mistake.codes or error.code in mistake.codes)
        ]
        if not match:
            return shown
        left.remove(match[0])
    return None


SPECS = specs()

kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


@kinds
def test_mistakes_of_one_kind(kind: Callable[[Spec, int], Mistake | None]) -> None:
    """A mistake alone is one error."""
    one_each(SPECS[:1], kind, 25)


@pytest.mark.slow
@kinds
def test_mistakes_of_one_kind_in_every_spec(kind: Callable[[Spec, int], Mistake | None]) -> None:
    one_each(SPECS, kind, 12)


def one_each(specs: list[Spec], kind: Callable[[Spec, int], Mistake | None], most: int) -> None:
    """Plant one mistake at a time, at places drawn from all where it can be made."""
    wrong: list[str] = []
    count = 0
    for spec in specs:
        places = [mistake for mistake in (kind(spec, index) for index in range(len(spec.tokens))) if mistake]
        for mistake in random.Random(1).sample(places, min(most, len(places))):
            count += 1
            result = misjudged(spec, [mistake])
            if result is not None:
                wrong.append(result)
    assert count
    assert not wrong, f"{len(wrong)} of {count}\n" + wrong[0]


def test_independent_mistakes() -> None:
    some_each(SPECS[:1], 150)


@pytest.mark.slow
def test_independent_mistakes_in_every_spec() -> None:
    some_each(SPECS, 25)


def some_each(specs: list[Spec], seeds: int) -> None:
    """Plant several mistakes at a time. Two may cancel each other, but seldom."""
    wrong: list[str] = []
    count = 0
    for spec in specs:
        for seed in range(seeds):
            mistakes = plant(spec, seed, KINDS)
            if mistakes:
                count += 1
                result = misjudged(spec, mistakes)
                if result is not None:
                    wrong.append(result)
    assert len(wrong) <= count // 100, f"{len(wrong)} of {count}\n" + "\n\n".join(wrong[:3])


def test_mistakes_anywhere() -> None:
    assert found_anywhere(SPECS[:1], 150) >= 0.99


@pytest.mark.slow
@pytest.mark.chance
def test_mistakes_anywhere_in_every_spec() -> None:
    assert found_anywhere([spec for spec in SPECS if len(spec.tokens) > 60], 25 * TRIES) >= 0.99


def found_anywhere(specs: list[Spec], seeds: int) -> float:
    """The share of texts with two to five mistakes anywhere of which exactly these are found."""
    right = count = 0
    for spec in specs:
        for seed in range(seeds):
            mistakes = plant_anywhere(spec, seed)
            if len(mistakes) > 1:
                count += 1
                right += misjudged_anywhere(spec, mistakes) is None
    assert count > seeds // 2
    return right / count
