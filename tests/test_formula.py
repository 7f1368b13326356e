"""Sizes as formulas: what they say of every other size, and how they read."""

from __future__ import annotations

import math
import operator
import random
import re
from typing import Any

import pytest

from archdsl.formula import FormulaTooDeep, Guards, Linear, Size, evaluate, formula_of, text_of


def drawn(seed: int, h: Any, w: Any) -> tuple[list[Any], list[bool]]:
    """Sizes computed by a random program, and what its comparisons say."""
    draw = random.Random(seed)
    sizes: list[Any] = [h, w]
    outcomes: list[bool] = []
    for _ in range(draw.randrange(1, 8)):
        a, b, n = draw.choice(sizes), draw.choice(sizes), draw.choice((1, 2, 3, 4, 7))
        kind = draw.randrange(8)
        if kind <= 1:
            sizes.append((a - n) // draw.choice((1, 2, 3)) + 1)
        elif kind == 2:
            sizes.append(n * a + draw.choice((-3, 0, 5)))
        elif kind == 3:
            sizes.append(a * b if draw.random() < 0.5 else a + b)
        elif kind == 4:
            sizes.append(a % n)
        elif kind == 5:
            compare, c = draw.choice((operator.ge, operator.lt, operator.gt, operator.le)), draw.choice((b, n))
            outcomes.append(compare(a, c) if draw.random() < 0.7 else compare(c, a))
        elif kind == 6:
            outcomes.append(draw.choice((operator.eq, operator.ne))(a, draw.choice((b, n))))
        else:
            outcomes.append(bool(a - n))
    return sizes, outcomes


@pytest.mark.parametrize("seed", range(300))
def test_a_size_tells_of_every_other_size(seed: int) -> None:
    guards = Guards()
    h, w = (Size.of(value, Linear(name, 1, 0), guards) for name, value in (("H", 40), ("W", 33)))
    try:
        sizes, outcomes = drawn(seed, h, w)
    except FormulaTooDeep:
        return
    assert ([int(size) for size in sizes], outcomes) == drawn(seed, 40, 33)
    assert guards.hold({"H": 40, "W": 33})
    for other_h in (1, 2, 3, 5, 8, 17, 39, 41, 64, 100):
        for other_w in (1, 4, 33, 34, 50):
            values = {"H": other_h, "W": other_w}
            numbers, others = drawn(seed, other_h, other_w)
            assert [evaluate(formula_of(size), values) for size in sizes] == numbers
            assert guards.hold(values) == (others == outcomes)
            for size, number in zip(sizes, numbers, strict=True):
                assert read(text_of(formula_of(size)), values) == number


def read(text: str, values: dict[str, int]) -> int:
    """The value of a formula as a person reads it."""
    exact = re.sub(r"/(\d+)", r"*Part(1, \1)", text)
    from fractions import Fraction

    names = {"floor": math.floor, "ceil": math.ceil, "Part": Fraction, **values}
    return int(eval(exact, {"__builtins__": {}}, names))


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        (lambda h: (h - 11) // 4 + 1, "floor((H - 11)/4) + 1"),
        (lambda h: ((h - 11) // 4 + 1 - 3) // 2 + 1, "floor((H - 19)/8) + 1"),
        (lambda h: h // 2 // 2 // 2, "floor(H/8)"),
        (lambda h: (h + 2 - 3) // 2 + 1, "ceil(H/2)"),
        (lambda h: 2 * h // 2, "H"),
        (lambda h: 2 * (h // 2), "2*floor(H/2)"),
        (lambda h: h - 4, "H - 4"),
        (lambda h: 3 * h + 2, "3*H + 2"),
        (lambda h: 3 * (h // 2) // 2, "floor(3*floor(H/2)/2)"),
        (lambda h: 8 * (h // 2) * (h // 2), "8*floor(H/2)*floor(H/2)"),
        (lambda h: h - h, "0"),
    ],
)
def test_formulas_read_well(steps: Any, text: str) -> None:
    assert text_of(formula_of(steps(Size.of(64, Linear("H", 1, 0), Guards())))) == text


def test_a_division_that_leaves_nothing_needs_no_rounding() -> None:
    h = Size.of(64, Linear("H", 1, 0), Guards())
    assert text_of(formula_of(h // 8), {"H": 16}) == "H/8"
    assert text_of(formula_of(2 * (h // 16)), {"H": 16}) == "H/8"
    assert text_of(formula_of(16 * (h // 16)), {"H": 16}) == "H"
    assert text_of(formula_of(h // 32), {"H": 16}) == "floor(H/32)"


def test_what_nobody_reads_is_no_formula() -> None:
    def changed(times: int) -> int:
        size = Size.of(1 << 20, Linear("H", 1, 0), Guards())
        for _ in range(times):
            size = 3 * size // 2 + 1
        return size

    assert changed(20) > 1 << 20
    with pytest.raises(FormulaTooDeep):
        changed(100)
