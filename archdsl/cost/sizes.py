"""Sizes in bytes as people write them: `8GB` is 8 * 10^9, `8GiB` is 8 * 2^30."""

from __future__ import annotations

import re

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgtpe])(i?)b?|b)", re.IGNORECASE)


def size_text(size: int) -> str:
    """A size in three digits, with the unit of 10^3, 10^6, ... bytes: `802 kB`, `3.21 MB`."""
    value, unit = float(size), 0
    # What would be rounded to 1000 has the next unit.
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    digits = 0 if not unit or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f} {_UNITS[unit]}"


def read_size(text: str) -> int | None:
    """The bytes of `8GB`, `512 MiB` or `1.5g`; None for what is no size."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    number, prefix, binary = match.groups()
    factor = (1024 if binary else 1000) ** ("kmgtpe".index(prefix.lower()) + 1) if prefix else 1
    # A size of many digits may be more than a float holds.
    whole, _, fraction = number.partition(".")
    size: int = int(whole + fraction) * factor // 10 ** len(fraction)
    return size
