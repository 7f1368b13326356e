"""Curves: axes that hold all values, ticks at round numbers, and no place for what is no number."""

from __future__ import annotations

import math
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from archdsl.runs.chart import HEIGHT, WIDTH, Curve, axis_of, curve, figure, sparkline, tick_texts


@given(st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=9))
def test_an_axis_holds_all_values_and_tells_its_ticks_apart(values: list[float]) -> None:
    axis = axis_of(values)
    rounding = 1e-6 * (axis.high - axis.low)
    assert axis.low <= min(values) + rounding
    assert axis.high >= max(values) - rounding
    assert 2 <= len(axis.ticks) <= 9
    if max(values) - min(values) > 1e-4 * max(map(abs, values)):
        assert len({*tick_texts(axis.ticks)}) == len(axis.ticks)


def test_ticks_are_round_numbers() -> None:
    assert tick_texts(axis_of([0.13, 0.91]).ticks) == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert tick_texts(axis_of([0.0001, 0.0005]).ticks) == ["0.0001", "0.0002", "0.0003", "0.0004", "0.0005"]
    assert tick_texts(axis_of([1, 10], whole=True).ticks) == ["2", "4", "6", "8", "10"]
    assert tick_texts(axis_of([1, 1], whole=True).ticks) == ["1"]


@given(st.lists(st.one_of(st.none(), st.floats()), max_size=50))
def test_a_figure_draws_what_is_finite_within_its_bounds(values: list[float | None]) -> None:
    points = list(enumerate(values, 1))
    lines = figure("loss & <more>", [curve("a<b>&c", points), curve("none", [(1, None)])])
    finite = [(x, y) for x, y in points if y is not None and abs(y) <= 1e30]
    if not finite:
        assert lines == []
        return
    tree = ElementTree.fromstring("\n".join(lines))
    drawn = tree.findall(".//polyline")
    assert len(drawn) == 1
    assert [int(x) for x in drawn[0].attrib["data-x"].split()] == [x for x, _ in finite]
    for point in drawn[0].attrib["points"].split():
        x, y = map(float, point.split(","))
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT
    assert "".join(tree.find("figcaption").itertext()) == "loss & <more>"  # type: ignore[union-attr]


def test_the_legend_tells_the_last_values() -> None:
    lines = "\n".join(figure("accuracy", [Curve("one", ((1, 0.5), (2, 0.75))), Curve("two", ((1, 0.25),), 1)]))
    assert "one <b>0.7500</b>" in lines
    assert "two <b>0.2500</b>" in lines
    assert 'aria-label="accuracy: one from 0.5000 to 0.7500 (best 0.7500), two' in lines


def test_a_line_of_blocks() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([None, 1.0, math.nan, 0.0]) == "█▁"
    assert sparkline([3, 3]) == "▅▅"
    assert sparkline([]) == ""
    assert len(sparkline(range(1000), width=24)) == 24
