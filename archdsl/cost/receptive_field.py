"""Receptive fields: which pixels of the network's input one pixel of an output depends on.

With window k and stride s of a layer, r' = r + (k - 1) j and j' = j s, where r is the size of the field and j its
step, the distance between the fields of neighbours (Araujo, Norris and Sim 2019, Computing receptive fields of
convolutional neural networks, section 2). Where a picture is made larger, neighbours have fields that differ in more
than their place; so a field is kept for each of as many pixels as it takes until they are the same again. Where
branches are joined, the field is the smallest that holds theirs.
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm
from typing import NamedTuple

from archdsl.layers.base import Window
from archdsl.network import Branches, Head, Leaf, Network, Node

MOST_PHASES = 4096
"""Of a picture that is made larger than so many times, the field is reckoned as if it were not: too large."""


class Span(NamedTuple):
    """Fields in one direction, ends included: those of output pixels 0, 1, ..., until they are the same, moved on.

    first, last: the ends, in pixels of the network's input.
    shift: how far the field of pixel len(first) is from that of pixel 0.
    """

    first: tuple[int, ...] = (0,)
    last: tuple[int, ...] = (0,)
    shift: int = 1

    def through(self, window: Window) -> Span:
        """The fields of what comes out of a layer with this window."""
        stride, before, behind, scale = window
        if scale > MOST_PHASES:
            stride, before, behind, scale = 1, 0, 0, 1
        phases = len(self.first)
        common = gcd(stride, phases * scale)
        count = phases * scale // common
        if count > MOST_PHASES:
            return self
        ends: list[list[int]] = [[], []]
        for i in range(count):
            for each, end, pixel in (
                (ends[0], self.first, -((before - i * stride) // scale)),
                (ends[1], self.last, (i * stride + behind) // scale),
            ):
                turns, phase = divmod(pixel, phases)
                each.append(end[phase] + turns * self.shift)
        return Span(tuple(ends[0]), tuple(ends[1]), self.shift * stride // common)

    def repeated(self, count: int) -> Span:
        """The same fields, told for `count` pixels, a multiple of those that are told."""
        turns = count // len(self.first)
        first, last = (tuple(place + turn * self.shift for turn in range(turns) for place in end) for end in self[:2])
        return Span(first, last, self.shift * turns)

    @property
    def size(self) -> int:
        """How many pixels the largest field has."""
        return max(last - first for first, last in zip(self.first, self.last, strict=True)) + 1

    @property
    def step(self) -> Fraction:
        """How far the fields of neighbours are apart, on average."""
        return Fraction(self.shift, len(self.first))


class Field(NamedTuple):
    """What one pixel of an output depends on.

    down, across: the window of pixels; once a layer has looked at the whole picture, the window before that layer.
    sees_all: whether it depends on every pixel, through a global pooling, `fc`, or a gate made of one.
    is_window: whether a window is left besides; false behind a global pooling or `fc` through which all goes.
    """

    down: Span = Span()
    across: Span = Span()
    sees_all: bool = False
    is_window: bool = True

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the window."""
        return self.down.size, self.across.size

    @property
    def step(self) -> tuple[Fraction, Fraction]:
        """How far the windows of neighbours are apart, down and across."""
        return self.down.step, self.across.step

    def __str__(self) -> str:
        """`35x35`; `all`; `35x35 + all` where a window is left beside what depends on all, as with a gate."""
        window = "x".join(map(str, self.size))
        return window if not self.sees_all else f"{window} + all" if self.is_window else "all"

    @property
    def step_text(self) -> str:
        """`2`, or `2x1` where they differ, `1/2` in a picture that was made larger; nothing without a window."""
        down, across = self.step
        return "" if not self.is_window else str(down) if down == across else f"{down}x{across}"


def receptive_field(network: Network) -> Field:
    """The field of the network's output; its window is that before the first layer that sees all."""
    return _through(network.root, Field(), (), {})


def receptive_fields(network: Network) -> dict[tuple[str, ...], Field]:
    """The field of what each node gives, by the keys of `Network.walk`; of an auxiliary head, what it passes on."""
    fields: dict[tuple[str, ...], Field] = {}
    _through(network.root, Field(), (), fields)
    return fields


def _through(node: Node, field: Field, keys: tuple[str, ...], fields: dict[tuple[str, ...], Field]) -> Field:
    # Recursion is safe: the language limits how deep a network nests.
    if isinstance(node, Leaf):
        windows = node.layer.sees(node.input)
        if windows is None:
            gives = field._replace(sees_all=True, is_window=False)
        elif field.is_window:
            gives = field._replace(down=field.down.through(windows[0]), across=field.across.through(windows[1]))
        else:
            gives = field
    elif isinstance(node, Branches):
        gives = _joined([_through(child, field, (*keys, key), fields) for key, child in node.children])
    else:
        gives = field
        for key, child in node.children:
            gives = _through(child, gives, (*keys, key), fields)
        if isinstance(node, Head):
            gives = field
    fields[keys] = gives
    return gives


def _joined(branches: list[Field]) -> Field:
    """The field of branches that are joined: the window is that of those which have one, if any has."""
    windows = [branch for branch in branches if branch.is_window] or branches
    return Field(
        _united([branch.down for branch in windows]),
        _united([branch.across for branch in windows]),
        any(branch.sees_all for branch in branches),
        any(branch.is_window for branch in branches),
    )


def _united(spans: list[Span]) -> Span:
    """The smallest fields that hold those of each span."""
    if all(span == spans[0] for span in spans):
        return spans[0]
    count = lcm(*(len(span.first) for span in spans))
    if count > MOST_PHASES:
        return max(spans, key=lambda span: span.size)
    alike = [span.repeated(count) for span in spans]
    # They move on by the same unless a branch comes down to one pixel, behind which there is no other.
    return Span(
        tuple(map(min, zip(*(span.first for span in alike), strict=True))),
        tuple(map(max, zip(*(span.last for span in alike), strict=True))),
        max(span.shift for span in alike),
    )
