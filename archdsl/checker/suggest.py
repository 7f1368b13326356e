"""The word that was meant: by its letters, and by what torch, Keras, Darknet and papers call things."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from archdsl.layers import LAYERS

STRUCTURE = ("input", "seq", "repeat", "concat", "add", "mul", "aux")
"""The words that no block may take."""

_MEANT_WORDS = {
    "sequential": "seq",
    "loop": "repeat",
    "times": "repeat",
    "input_shape": "input",
    "elif": "else if",
    "elseif": "else if",
    "switch": "if",
    "foreach": "for",
    "while": "repeat",
    "def": "block",
    "function": "block",
    "module": "block",
    "include": "import",
    "const": "let",
    "var": "let",
}


@cache
def _meanings() -> dict[str, str]:
    """Each name that people from elsewhere use, folded, with the word that it means here."""
    meanings: dict[str, str] = {}
    for word, cls in LAYERS.items():
        for alias in (word, *cls.also_called):
            meanings.setdefault(_folded(alias), word)
    return {**meanings, **{_folded(name): meant for name, meant in _MEANT_WORDS.items()}}


def _folded(name: str) -> str:
    return name.lower().replace("_", "")


def meant_word(name: str) -> str | None:
    """The layer word that people from elsewhere mean by this name, or None; `nn.ReLU` is read as `ReLU`."""
    return _meanings().get(_folded(name.rpartition(".")[2]))


def suggest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that is nearest by its letters, or None where none is near."""
    from difflib import get_close_matches  # Needed only where there is a mistake.

    candidates = list(dict.fromkeys(candidates))
    by_folded = {candidate.lower(): candidate for candidate in candidates}
    near = get_close_matches(name.lower(), by_folded, n=1, cutoff=0.6)
    return by_folded[near[0]] if near else None
