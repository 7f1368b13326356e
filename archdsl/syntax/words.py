"""The words of the language that are no layers: those with bodies, and the functions of values."""

from __future__ import annotations

JOINS = ("concat", "add", "mul")
"""The words whose bodies are parted by bars."""

STRUCTURE = ("input", "seq", "repeat", *JOINS, "aux")
"""The words that no block may take."""

WITH_BODY = STRUCTURE[1:]
"""The words that a body follows."""

FUNCTIONS: dict[str, tuple[int, int | None]] = {
    "min": (1, None),
    "max": (1, None),
    "round": (1, 1),
    "floor": (1, 1),
    "ceil": (1, 1),
    "len": (1, 1),
    "range": (1, 1),
    "zip": (2, None),
    "choose": (2, None),
    "make_divisible": (2, 2),
}
"""Each function of values with the least and the largest number of arguments that it takes."""
