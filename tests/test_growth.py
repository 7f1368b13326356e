"""The work of a check grows as its text does, and no faster; with errors too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from work import calls_of

from archdsl.checker import session
from archdsl.checker.check import check_source
from archdsl.checker.session import Options
from archdsl.diagnostics.render import render
from archdsl.source import Source

pytestmark = pytest.mark.slow

INPUT = "input(3, 32, 32)\n"

MOST_LAYERS = 10_000
"""So many in these tests, that what ends at a limit ends soon."""


def calls(text: str, max_layers: int) -> int:
    """How many functions are called while a text is checked and its findings are written out."""
    source = Source("spec", text)
    check_source(Source("spec", INPUT + "relu"))  # What is loaded once is loaded.
    return calls_of(lambda: render(check_source(source, Options(max_layers=max_layers)).diagnostics))


def lines(line: str) -> Callable[[int], str]:
    """A text of the same line again and again; `@` is its number."""
    return lambda count: INPUT + "".join(line.replace("@", str(number)) + "\n" for number in range(count))


GROWING: dict[str, Callable[[int], str]] = {
    "layers": lines("conv(8, 3, p1) relu"),
    "layers, all different": lines("conv(@ + 1, 3, p1) relu"),
    "layers with labels": lines("a@: relu"),
    "blocks": lines("block b@ { conv(8, 3, p1) relu }"),
    "calls": lambda count: INPUT + "block b(n) { conv(n + 1, 3, p1) }\n" + "".join(f"b({i})\n" for i in range(count)),
    "lets, each of the one before": lambda count: "".join(
        f"let a{i} = {f'a{i - 1}' if i else 1} + 1\n" for i in range(count)
    ),
    "branches": lambda count: INPUT + "concat { relu" + "".join(f" | conv({i + 1}, 1)" for i in range(count)) + " }",
    "a sum": lambda count: INPUT + "conv(" + "1 + " * count + "1, 1)",
    "arms": lambda count: INPUT + "if false { relu } " + "else if false { relu } " * count + "else { tanh }",
    "comments": lines("# relu"),
    "lines with a mistake each": lines("conv(8, 3 p1) relu"),
    "lines with an unknown word each": lines("convolve(8, 3) relu"),
    "lines with a wrong value each": lines("conv(0, 3)"),
    "one line with unknown words": lambda count: INPUT + "convolve(8, 3) " * count,
    "a mistake behind it all": lambda count: INPUT + "conv(8, 3, p1) relu\n" * count + "conv(8 3)\n",
    "a mistake before it all": lambda count: INPUT + "conv(8 3)\n" + "conv(8, 3, p1) relu\n" * count,
    "strays": lambda count: INPUT + ";" * count,
    "lines of strays": lines(";"),
    "openers left open": lambda count: INPUT + "seq {\n" + "  conv(8, 3, p1) relu\n" * count,
    "closers": lines(")"),
    "keywords": lines("if x:"),
    "equal labels": lines("a: relu"),
    "layers that can't be": lines("conv(8, 3, p1, g3)"),
    "imports": lines('import "nothing@.arch"'),
}


@pytest.mark.parametrize("name", GROWING)
def test_twice_the_text_is_twice_the_work(name: str) -> None:
    smaller, larger = (calls(GROWING[name](count), 100_000) for count in (400, 800))
    assert larger < 2.1 * smaller, (smaller, larger)


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("a mistake behind it all", 1.4),
        ("a mistake before it all", 1.6),
        ("openers left open", 2.5),
        ("lines with an unknown word each", 2.5),
        ("lines with a mistake each", 10),
    ],
)
def test_a_mistake_costs_little(name: str, times: float) -> None:
    """What was read before a mistake is not read again; where each line has one, each is explained as well."""
    right = calls(GROWING["layers"](800), 100_000)
    wrong = calls(GROWING[name](800), 100_000)
    assert wrong < times * right, (right, wrong)


LETS = "".join(f"let a{i} = @\n" for i in range(300))
DOUBLING = "block b0(n) { @ }\n" + "".join(
    f"block b{i}(n) {{ b{i - 1}(2 * n) b{i - 1}(2 * n + 1) }}\n" for i in range(1, 40)
)
LOOPS = "".join(f"for a{i} in range(10000) {{ " for i in range(3)) + "@" + " }" * 3

ENDLESS = {
    "blocks that double without layers": INPUT + DOUBLING.replace("@", "if n < 0 { relu }") + "b39(1)",
    "blocks that double with layers": INPUT + DOUBLING.replace("@", "conv(n + 1, 1)") + "b39(1)",
    "blocks that double with an error": INPUT + DOUBLING.replace("@", "conv(n + 1, 99)") + "b39(1)",
    "turns that grow": INPUT + "repeat(1000000000) { zero_pad(1) }",
    "turns that grow and fail": INPUT + "repeat(1000000000) { zero_pad(1) conv(3, 1, p1, g2) zero_pad(1) }",
    "turns without layers": INPUT + LOOPS.replace("@", "repeat(0) { relu }"),
    "turns with layers": INPUT + LOOPS.replace("@", "conv(a0 + a1 + a2 + 1, 1)"),
    "turns with errors": INPUT + LOOPS.replace("@", "conv(x, 1)"),
    "long tuples": LETS.replace("@", "range(10000)"),
    "long tuples in tuples": "let t = range(9999)\n" + LETS.replace("@", "(t, 1)"),
    "long tuples compared": "let t = range(9999)\nlet u = range(9999)\n" + LETS.replace("@", "t == u"),
    "the least of a long tuple": "let t = range(9999)\n" + LETS.replace("@", "min(t)"),
    "long tuples as arguments": INPUT
    + "let t = range(9000)\nblock b(t, i) { relu }\nfor i in range(10000) { b(t, i) }",
    "defaults": INPUT
    + f"block b({', '.join(f'p{i} = 1' for i in range(300))}) {{ relu }}\nfor i in range(10000) {{ b }}",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_has_no_end_soon_has_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit on the steps of a check is a limit on its work."""
    monkeypatch.setattr(session, "MAX_LAYERS", MOST_LAYERS)
    text = ENDLESS[name]
    steps = session.STEPS_A_LAYER * MOST_LAYERS
    assert calls(text, MOST_LAYERS) < 60 * (len(text) + steps)


def test_what_is_written_of_a_long_line_is_short() -> None:
    """Each finding shows its line, so a long one is cut, and so are names and values as long as a file."""
    for text in ("conv(8, 3 p1) " * 5_000, "wrong " * 5_000, "a" * 50_000, "conv(" + "a" * 50_000 + "=1)"):
        found = check_source(Source("spec", INPUT + text)).diagnostics
        assert found
        assert len(render(found)) < 2_000 * len(found), text[:20]


LINE = "conv(8, 3, p1) relu\n"
PAIR = "block b(c, k) { conv(c, k, p1) relu conv(c, 3, p1) relu }\n"

COSTS = {
    "at the start": (LINE * 1_000, "conv(8, 99) relu\n" + LINE * 999),
    "in the middle": (LINE * 1_000, LINE * 500 + "conv(8, 3, g5) relu\n" + LINE * 499),
    "at the end": (LINE * 1_000, LINE * 999 + "fc(8)\n"),
    "everywhere": (LINE * 1_000, "conv(0, 3, p1) relu\n" * 1_000),
    "in a block": (PAIR + "b(8, 3)\n" * 500, PAIR.replace("3, p1", "99") + "b(8, 3)\n" * 500),
    "in arguments": (PAIR + "b(8, 3)\n" * 500, PAIR + "b(0, 3)\n" * 500),
}


@pytest.mark.parametrize("name", COSTS)
def test_errors_cost_little_more_than_success(name: str) -> None:
    good, bad = (calls(INPUT + text, 100_000) for text in COSTS[name])
    assert bad < 2 * good, (bad, good)
