"""Curves over epochs as a figure of a page: an SVG with axes, and a legend that tells the values of an epoch.

Without the page's script the legend tells those of the last epoch. In a terminal, curves are `sparkline`s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from archdsl.diagram.svg import attribute, written

COLORS = 8
"""So many colors there are for curves."""

WIDTH, HEIGHT = 400, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 40
_TICKS = 5
"""About so many there are on an axis."""

LAST = "last"
"""The epoch that the legend names at first: it tells the last value of each curve."""

_MOST_DOTS = 40
"""Of a curve with more points, none is marked."""

_LARGEST = 1e30

_PLOT_ROWS = 10
_PLOT_LABEL = 12
"""Columns from one label to the next, below a curve in a terminal."""

_BLOCKS = "▁▂▃▄▅▆▇█"


class Curve(NamedTuple):
    """A curve by its points, x rising. color: from 0. dashed: tells it from another of the same color."""

    name: str
    points: tuple[tuple[float, float], ...]
    color: int = 0
    dashed: bool = False


class Axis(NamedTuple):
    """The part of an axis that is shown, and its ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        """Where a value is on the way from the low end to the high one: 0 to 1."""
        return (value - self.low) / (self.high - self.low)


def curve(name: str, values: Iterable[tuple[float, float | None]], color: int = 0, dashed: bool = False) -> Curve:
    """A curve through the values that there are; what is not finite, or beyond all reason, is left out."""
    points = tuple((x, y) for x, y in values if y is not None and abs(y) <= _LARGEST)
    return Curve(name, points, color, dashed)


def figure(
    title: str, curves: Sequence[Curve], x_name: str = "epoch", x_text: Callable[[float], str] = str
) -> list[str]:
    """The lines of a `figure`; of curves without points nothing is drawn. Without any there is no figure.

    x_text: how a place on the axis across is told, as a number; the axis has ticks at whole numbers before that.
    """
    drawn = [each for each in curves if each.points]
    if not drawn:
        return []
    across = axis_of([x for each in drawn for x, _ in each.points], whole=True)
    up = axis_of([y for each in drawn for _, y in each.points])
    told = ", ".join(
        f"{each.name} from {number(each.points[0][1])} to {number(each.points[-1][1])}"
        + ("" if len(drawn) > 4 else f" (best {number(best_of(title, each))})")
        for each in drawn
    )
    return [
        '<figure class="chart">',
        f"<figcaption>{written(title)}</figcaption>",
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" tabindex="0" aria-label={attribute(f"{title}: {told}")}>',
        *grid(across, up, x_name, x_text),
        *(line for each in drawn for line in curve_lines(each, across, up, x_text)),
        f'<path class="rule" d="M0 {_TOP} V{HEIGHT - _BOTTOM}" visibility="hidden"/>',
        "</svg>",
        f'<p class="legend"><span class="place">{x_name} <b>{LAST}</b></span>',
        *map(legend_entry, drawn),
        "</p>",
        "</figure>",
    ]


def best_of(title: str, each: Curve) -> float:
    values = [y for _, y in each.points]
    return max(values) if "accuracy" in title.lower() else min(values)


def grid(across: Axis, up: Axis, x_name: str, x_text: Callable[[float], str]) -> list[str]:
    """The axes: a line and a number at each tick."""
    lines = []
    for tick, text in zip(up.ticks, tick_texts(up.ticks), strict=True):
        y = y_of(tick, up)
        lines.append(f'<path class="grid" d="M{_LEFT} {y:.1f} H{WIDTH - _RIGHT}"/>')
        lines.append(f'<text class="end" x="{_LEFT - 6}" y="{y + 4:.1f}">{text}</text>')
    for tick in across.ticks:
        x = x_of(tick, across)
        lines.append(f'<path class="tick" d="M{x:.1f} {HEIGHT - _BOTTOM} v4"/>')
        lines.append(f'<text class="middle" x="{x:.1f}" y="{HEIGHT - _BOTTOM + 17}">{x_text(tick)}</text>')
    lines.append(f'<path class="axis" d="M{_LEFT} {HEIGHT - _BOTTOM} H{WIDTH - _RIGHT}"/>')
    middle = (_LEFT + WIDTH - _RIGHT) // 2
    lines.append(f'<text class="middle" x="{middle}" y="{HEIGHT - 6}">{written(x_name)}</text>')
    return lines


def curve_lines(each: Curve, across: Axis, up: Axis, x_text: Callable[[float], str]) -> list[str]:
    places = [(x_of(x, across), y_of(y, up)) for x, y in each.points]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    classes = f"curve of-{each.color % COLORS}" + (" dashed" if each.dashed else "")
    xs = " ".join(x_text(x) for x, _ in each.points)
    ys = " ".join(number(y) for _, y in each.points)
    lines = [f'<polyline class="{classes}" points="{points}" data-x="{xs}" data-y="{ys}"/>']
    if len(places) <= _MOST_DOTS:
        lines += [
            f'<circle class="dot of-{each.color % COLORS}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in places
        ]
    return lines


def legend_entry(each: Curve) -> str:
    """The curve's color and name, and its last value."""
    dashes = ' stroke-dasharray="5 3"' if each.dashed else ""
    swatch = (
        f'<svg class="swatch" viewBox="0 0 22 8" aria-hidden="true">'
        f'<path class="curve of-{each.color % COLORS}" d="M0 4 H22"{dashes}/></svg>'
    )
    return f'<span class="entry">{swatch} {written(each.name)} <b>{number(each.points[-1][1])}</b></span>'


def x_of(value: float, across: Axis) -> float:
    return _LEFT + across.place(value) * (WIDTH - _LEFT - _RIGHT)


def y_of(value: float, up: Axis) -> float:
    return HEIGHT - _BOTTOM - up.place(value) * (HEIGHT - _TOP - _BOTTOM)


def axis_of(values: Sequence[float], whole: bool = False) -> Axis:
    """An axis with ticks at round numbers, which holds all values; `whole` allows no fractions and no room around."""
    low, high = float(min(values)), float(max(values))
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-20):
        room = 0.5 if whole else abs(low) / 2 or 0.5
        low, high = low - room, high + room
    step = step_of(high - low)
    if whole:
        apart = max(1, round(step))
        return Axis(low, high, tuple(range(math.ceil(low / apart) * apart, math.floor(high) + 1, apart)))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(tick * step for tick in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], ticks)


def step_of(length: float) -> float:
    """1, 2 or 5 times a power of ten, so that there are about `_TICKS` steps in a length."""
    rough = length / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def tick_texts(ticks: Sequence[float]) -> list[str]:
    """The ticks as text, all with as many decimals as their step needs."""
    step = min((b - a for a, b in pairwise(ticks)), default=1.0)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if decimals > 5 or max(map(abs, ticks)) >= 1e5:
        return [f"{tick:.6g}" if abs(tick) > step / 1e6 else "0" for tick in ticks]
    return [f"{tick:.{decimals}f}" for tick in ticks]


def number(value: float) -> str:
    """A value as it is told: four digits behind the point, or four in all where it is small; one where it is large."""
    if abs(value) >= 100:
        return f"{value:.1f}" if abs(value) < 1e7 else f"{value:.4g}"
    return f"{value:.4f}" if abs(value) >= 0.01 or value == 0 else f"{value:.4g}"


def sparkline(values: Iterable[float | None], width: int = 24) -> str:
    """A curve as a line of blocks, at most `width` of them, from the lowest to the highest value."""
    found = [value for value in values if value is not None and math.isfinite(value)]
    if not found:
        return ""
    if len(found) > width:
        found = [found[round(i * (len(found) - 1) / (width - 1))] for i in range(width)]
    low, high = min(found), max(found)
    if low == high:
        return _BLOCKS[len(_BLOCKS) // 2] * len(found)
    return "".join(_BLOCKS[min(len(_BLOCKS) - 1, int((value - low) / (high - low) * len(_BLOCKS)))] for value in found)


def text_plot(xs: Sequence[float], ys: Sequence[float], x_text: Callable[[float], str], columns: int = 60) -> list[str]:
    """A curve as lines of a terminal, in ASCII, x rising in equal steps.

    Above the largest value that comes before the lowest there is no more room: what is higher is drawn at the top.
    """
    if not ys:
        return []
    lowest = ys.index(min(ys))
    low, high = ys[lowest], max(ys[: lowest + 1])
    if high - low < 1e-9 * max(abs(high), 1):
        low, high = low - 0.5, high + 0.5
    columns, last = min(columns, len(ys)), len(ys) - 1
    chosen = [round(i * last / max(columns - 1, 1)) for i in range(columns)]
    places = [round((min(ys[i], high) - low) / (high - low) * (_PLOT_ROWS - 1)) for i in chosen]
    labels = [number(low + (high - low) * row / (_PLOT_ROWS - 1)) for row in range(_PLOT_ROWS)]
    width = max(map(len, labels))
    lines = [
        f"{labels[row]:>{width}} |{''.join('*' if place == row else ' ' for place in places)}".rstrip()
        for row in reversed(range(_PLOT_ROWS))
    ]
    texts = [x_text(xs[chosen[i]]) for i in range(0, columns, _PLOT_LABEL)]
    below = "".join(f"{text:<{_PLOT_LABEL}}" for text in texts).rstrip()
    return [*lines, f"{'':{width}} +{'-' * columns}", f"{'':{width}}  {below}"]
