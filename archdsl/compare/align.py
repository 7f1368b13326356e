"""Which item of one list is which of another, in order, with the fewest additions, removals and changes.

What both lists begin and end with alike is taken off first. Of the rest the cheapest way is found along a band around
the diagonal, which is widened until no way outside of it can be cheaper (Ukkonen 1985, "Algorithms for approximate
string matching", section 3), or until that takes too long.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple, TypeAlias

_MOST_WORK = 4_000_000
"""Cells that are looked at: some seconds."""

_FIRST_BAND = 4

_FARTHEST = 1_000
"""So many items what is added or removed is moved at most."""

Pairs: TypeAlias = list[tuple[int | None, int | None]]
"""Indexes into both lists; None on one side for what the other has alone."""


class Item(NamedTuple):
    """What is aligned.

    content: items of the same content are the same. kind: an item can have become another one of its own kind.
    """

    content: Hashable
    kind: Hashable


def align(a: Sequence[Item], b: Sequence[Item]) -> Pairs:
    """The items of both lists in order, each with its counterpart."""
    start, end = 0, 0
    while start < min(len(a), len(b)) and a[start].content == b[start].content:
        start += 1
    while end < min(len(a), len(b)) - start and a[-1 - end].content == b[-1 - end].content:
        end += 1
    middle = _middle(a[start : len(a) - end], b[start : len(b) - end])
    pairs: Pairs = [(index, index) for index in range(start)]
    pairs += [(None if i is None else i + start, None if j is None else j + start) for i, j in middle]
    pairs += [(len(a) - end + index, len(b) - end + index) for index in range(end)]
    return pairs


def _middle(a: Sequence[Item], b: Sequence[Item]) -> Pairs:
    if not a or not b:
        return [*((index, None) for index in range(len(a))), *((None, index) for index in range(len(b)))]
    band = _FIRST_BAND
    found: Pairs | None = None
    while (work := len(a) * (abs(len(a) - len(b)) + 2 * band + 1)) <= _MOST_WORK or found is None:
        if work > _MOST_WORK and len(a) > _FIRST_BAND:
            return _by_place(a, b)
        cost, found = _within(a, b, band)
        if cost <= band or band > max(len(a), len(b)):
            return found
        band *= 2
    return found


def _by_place(a: Sequence[Item], b: Sequence[Item]) -> Pairs:
    """Each with that at its own place, where both are of one kind; for lists that are long and of unlike lengths."""
    pairs: Pairs = []
    for index in range(max(len(a), len(b))):
        if index < min(len(a), len(b)) and a[index].kind == b[index].kind:
            pairs.append((index, index))
        else:
            pairs += [(index, None)] if index < len(a) else []
            pairs += [(None, index)] if index < len(b) else []
    return pairs


_REMOVED, _ADDED, _PAIRED = 0, 1, 2


def _within(a: Sequence[Item], b: Sequence[Item], band: int) -> tuple[int, Pairs]:
    """The cheapest way of those that stay within a band, and what it costs: one for each that is not the same."""
    low, high = min(0, len(b) - len(a)) - band, max(0, len(b) - len(a)) + band
    width = high - low + 1
    never = len(a) + len(b) + 1
    # A row for each item of a; column d - low stands for index i + d of b.
    row = [d if 0 <= d <= len(b) else never for d in range(low, high + 1)]
    steps = [bytearray(b"\x01" * width)]
    for i, item in enumerate(a, 1):
        content, kind = item
        taken = bytearray(width)
        new = [never] * width
        left = never
        for column in range(max(0, -low - i), min(width, len(b) - i - low + 1)):
            j = i + low + column
            best, step = left + 1, _ADDED
            above = row[column + 1] + 1 if column + 1 < width else never
            if above < best:
                best, step = above, _REMOVED
            if j > 0:
                other = b[j - 1]
                if other.content == content:
                    paired = row[column]
                elif other.kind == kind:
                    paired = row[column] + 1
                else:
                    paired = never
                if paired <= best:
                    best, step = paired, _PAIRED
            new[column] = left = best
            taken[column] = step
        row = new
        steps.append(taken)
    i, j = len(a), len(b)
    cost = row[j - i - low]
    pairs: Pairs = []
    while i or j:
        step = steps[i][j - i - low] if i else _ADDED
        if step == _PAIRED:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif step == _REMOVED:
            i -= 1
            pairs.append((i, None))
        else:
            j -= 1
            pairs.append((None, j))
    return cost, pairs[::-1]


class Bounds(NamedTuple):
    """Where parts of a list begin, and behind which items they end."""

    starts: frozenset[int]
    ends: frozenset[int]


def slid(pairs: Pairs, a: Sequence[Item], b: Sequence[Item], bounds: tuple[Bounds, Bounds]) -> Pairs:
    """The same alignment, with what one list has alone moved to where parts begin and end.

    Of `add relu add relu`, two blocks, the one that was added is as well `relu add`, from the first to the second.
    """
    result = list(pairs)
    lists = a, b
    start = 0
    while start < len(result):
        side = 1 if result[start][0] is None else 0 if result[start][1] is None else None
        end = start + 1
        if side is not None:
            while end < len(result) and result[end][1 - side] is None:
                end += 1
            _slide(result, start, end, side, lists, bounds[side])
            while end < len(result) and (result[end][0] is None or result[end][1] is None):
                end += 1
        start = end
    return result


def _slide(
    pairs: Pairs, start: int, end: int, side: int, lists: tuple[Sequence[Item], Sequence[Item]], bounds: Bounds
) -> None:
    """Move the pairs from `start` to `end - 1`, which one side has alone, over those beside them that are the same."""
    own = lists[side]
    first = pairs[start][side]
    assert first is not None
    last = first + end - start

    def is_same(at: int) -> bool:
        i, j = pairs[at] if 0 <= at < len(pairs) else (None, None)
        return i is not None and j is not None and lists[0][i].content == lists[1][j].content

    def farthest(step: int, stop_at_once: bool) -> int | None:
        """By how many places it can be moved so that it begins and ends where parts do; None where it can't."""
        by, found = 0, None
        while True:
            if first + by in bounds.starts and last + by in bounds.ends:
                found = by
                if stop_at_once:
                    return found
            at = start + by - 1 if step < 0 else end + by
            leaving, coming = (last + by - 1, first + by - 1) if step < 0 else (first + by, last + by)
            if abs(by) >= _FARTHEST or not is_same(at) or own[leaving].content != own[coming].content:
                return found
            by += step

    # Of blocks that are alike the last ones are the new ones: theirs are the keys that are new.
    by = farthest(1, stop_at_once=False)
    if by is None:
        by = farthest(-1, stop_at_once=True)
    if not by:
        return
    low, high = min(start, start + by), max(end, end + by)
    others = [pair[1 - side] for pair in pairs[low:high] if pair[1 - side] is not None]
    alone = [None] * (end - start)
    moved = [*alone, *others] if by < 0 else [*others, *alone]
    places = range(first + min(by, 0), last + max(by, 0))
    pairs[low:high] = [(o, p) if side else (p, o) for o, p in zip(moved, places, strict=True)]
