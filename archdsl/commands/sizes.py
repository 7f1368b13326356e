"""`archdsl check --least-input`, and `--input` with a range: which input sizes a network accepts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from archdsl.input_sizes import InputSizes
from archdsl.shapes import Image

MOST_SIZES = 1_000_000
"""No more sizes than this are asked for in one range."""

_RANGE = re.compile(r"(\d{1,9})(?:\.\.(\d{1,9}))?")


class SizeRange(NamedTuple):
    """The inputs of `--input 3x64..256x64..256`, ends included."""

    channels: int
    heights: range
    widths: range

    @property
    def size_count(self) -> int:
        return len(self.heights) * len(self.widths)


def read_range(text: str) -> SizeRange | None:
    """The range meant, or None where it is something else."""
    parts = [_RANGE.fullmatch(part) for part in text.lower().split("x")]
    if len(parts) != 3 or not all(parts):
        return None
    channels, heights, widths = (range(int(part[1]), int(part[2] or part[1]) + 1) for part in parts if part is not None)
    fine = len(channels) == 1 and all(each and each[0] >= 1 for each in (channels, heights, widths))
    return SizeRange(channels[0], heights, widths) if fine else None


def least_lines(sizes: InputSizes) -> list[str]:
    """The smallest input that is accepted, and in what steps larger ones are."""
    least = sizes.least()
    if least is None:
        return ["the smallest input could not be told"]
    lines = [f"needs at least {sizes.open.at(least)}"]
    for symbol, what in zip(sizes.open.symbols, ("height", "width"), strict=False):
        regular = sizes.step_of(symbol)
        if regular is None:
            lines.append(f"not every larger {what} is accepted")
        elif regular[1] > 1:
            lines.append(f"{what}s in steps of {regular[1]}")
    return lines


class Accepted(NamedTuple):
    """What of a range is accepted: how many sizes, the words for them, and the first that is not."""

    size_count: int
    lines: list[str]
    refused: Image | None


def accepted_of(sizes: InputSizes, asked: SizeRange) -> Accepted:
    """Decide each size of a range. `sizes` has the names H and W. Raises TooManySizes where that takes too long."""
    by_height = {
        height: [width for width in asked.widths if sizes.accepts({"H": height, "W": width})]
        for height in asked.heights
    }
    count = sum(map(len, by_height.values()))
    refused = next(
        (
            Image(asked.channels, height, width)
            for height, fine in by_height.items()
            if len(fine) < len(asked.widths)
            for width in asked.widths
            if width not in fine
        ),
        None,
    )
    # Neighbouring heights that accept the same widths are one line.
    groups: dict[tuple[int, ...], list[int]] = {}
    for height, fine in by_height.items():
        if fine:
            groups.setdefault(tuple(fine), []).append(height)
    lines = [f"heights {in_words(heights)} with widths {in_words(widths)}" for widths, heights in groups.items()]
    return Accepted(count, lines, refused)


_MOST_LISTED = 6


def in_words(values: Sequence[int]) -> str:
    """ "67", "64 to 256", "64 to 256 in steps of 16", "3, 5 and 9"."""
    step = values[1] - values[0] if len(values) > 1 else 1
    if len(values) > 2 and list(values) == list(range(values[0], values[-1] + 1, step)):
        return f"{values[0]} to {values[-1]}" + (f" in steps of {step}" if step > 1 else "")
    if len(values) <= _MOST_LISTED:
        *first, last = map(str, values)
        return f"{', '.join(first)} and {last}" if first else last
    return f"{', '.join(map(str, values[:_MOST_LISTED]))} and {len(values) - _MOST_LISTED} more"
