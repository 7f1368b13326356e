"""Random text, bytes and mutated specs: never an exception, always a network, a library or located errors."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import archdsl
from archdsl.checker.check import Checked
from archdsl.commands.check import diagnostic_as_json
from archdsl.diagnostics.render import render
from archdsl.source import Source
from archdsl.syntax.parse import load_tables

REPOSITORY = Path(__file__).parent.parent

quick = settings(
    max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def sound(checked: Checked) -> None:
    """A check ended as a check may end, and what it found can be shown."""
    assert (checked.network is None) or not checked.errors
    assert checked.errors or checked.network or checked.library is not None or checked.sizes
    for each in checked.diagnostics:
        for label in (each.primary, *each.related):
            span = label.span
            assert 0 <= span.start <= span.end <= len(span.source.text)
        assert each.message
        assert each.message[-1] not in ".:"
        diagnostic_as_json(each)
    shown = render(checked.diagnostics)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", shown)


@quick
@given(st.text())
def test_any_text(text: str) -> None:
    sound(archdsl.check(text + "\n"))


@quick
@given(
    st.text(
        alphabet="conv relu(){}|=,:#3.5-+*/<>\"'\n\t\r for in if else let block input add x2 \u00a0\u202e\0",
        max_size=80,
    )
)
def test_text_of_the_language_s_own_signs(text: str) -> None:
    sound(archdsl.check(text + "\n"))


@quick
@given(st.binary(max_size=200))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.arch"
    path.write_bytes(data)
    sound(archdsl.check(path))


WORDS = [
    *("input(3, 8, 8)", "input(", "conv(4, 3)", "range(3)", "fc(10)", "repeat(2)", "aux(1)", "vgg_block(", "min("),
    *("conv", "relu", "add", "concat", "seq", "repeat", "flatten", "same", "s2", "p1", "x", "y", "in_channels"),
    *("import", '"x.arch"', "let", "block", "for", "in", "if", "else", "not", "and", "true", "choose(", "\n"),
    *("{", "}", "|", "(", ")", ",", ":", "=", "+", "-", "*", "/", "%", "==", "<", "@", ";", "#"),
    *("0", "3", "-1", "2.5", "1e9", "9007199254740993", "3x3"),
]


@quick
@given(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join))
def test_random_words(text: str) -> None:
    sound(archdsl.check(text + "\n"))


def corpus() -> list[str]:
    texts = [path.read_text(encoding="utf-8") for path in sorted(REPOSITORY.glob("specs/*.arch"))]
    for path in sorted(REPOSITORY.glob("tests/cases/**/*.md")):
        texts += re.findall(r"^```arch[^\n]*\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    texts = [text for text in texts if len(text) < 4_000]
    # Every fourth with names for the sizes of its input.
    return [
        re.sub(r"input\((\w+), \d+, \d+\)", r"input(\1, H, W)", text) if not i % 4 else text
        for i, text in enumerate(texts)
    ]


def mutated(draw: random.Random, text: str, others: list[str]) -> str:
    """The text with some characters or words taken out, doubled, moved, or replaced."""
    for _ in range(draw.choice((1, 1, 2, 3, 6))):
        tokens = load_tables().tokens(Source("", text))[0]
        if not tokens:
            return text
        token = draw.choice(tokens)
        kind = draw.randrange(6)
        if kind == 0:
            text = text[: token.start] + text[token.end :]
        elif kind == 1:
            text = text[: token.start] + token.text + " " + text[token.start :]
        elif kind == 2:
            text = text[: token.start] + draw.choice(tokens).text + text[token.end :]
        elif kind == 3:
            at = draw.randrange(len(text) + 1)
            text = text[:at] + draw.choice("(){}|,=:#\n x3.-@") + text[at:]
        elif kind == 4:
            at = draw.randrange(len(text) + 1)
            text = text[:at] + text[at + draw.choice((1, 2, 10)) :]
        else:
            other = draw.choice(others)
            at = draw.randrange(len(other) + 1)
            text = text[: token.start] + other[at : at + 30] + text[token.start :]
    return text


def mutate(seeds: range) -> None:
    texts = corpus()
    for seed in seeds:
        draw = random.Random(seed)
        text = mutated(draw, draw.choice(texts), texts)
        started = time.perf_counter()
        try:
            sound(archdsl.check(text + "\n"))
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}\n{text}") from error
        # A slow machine has its time; what is unbounded overruns it by far.
        assert time.perf_counter() - started < 15, f"seed {seed}\n{text}"


def test_mutated_specs() -> None:
    mutate(range(1_000))


@pytest.mark.slow
def test_many_mutated_specs() -> None:
    mutate(range(1_000, 12_000))
