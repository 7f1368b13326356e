"""Random text, bytes and mutated specs: never an exception, always a network, a library or located errors."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from any_input import seeds, sound, take
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tries import TRIES

import archdsl
from archdsl.source import Source
from archdsl.syntax.parse import load_tables

CORPUS = Path(__file__).parent / "fuzz_corpus"

pytestmark = pytest.mark.chance

quick = settings(
    max_examples=300 * TRIES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


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
def test_any_bytes(data: bytes) -> None:
    take(data)


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


def mutate(numbers: range) -> None:
    texts = seeds()
    for seed in numbers:
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


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_what_the_fuzzer_found(path: Path) -> None:
    take(path.read_bytes())
