"""Names of the spec as names of Python: none that Python, torch or the source itself uses already."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Collection

TAKEN = frozenset(
    [*keyword.kwlist, *dir(builtins), "torch", "nn", "functional", "Tensor", "Any", "math", "self", "annotations"]
)


class Names:
    """The names of a file's own scope."""

    def __init__(self, taken: Collection[str]) -> None:
        self._taken = {*TAKEN, *taken}

    def take(self, wanted: str) -> str:
        """A free name as near as may be to the one that is wanted; it is taken from now on."""
        found = self.free(wanted, ())
        self._taken.add(found)
        return found

    def free(self, wanted: str, others: Collection[str]) -> str:
        """A name that is free in the file and not among others."""
        if not wanted.isascii() or not wanted.isidentifier():
            wanted = re.sub(r"[^0-9A-Za-z_]+", "_", wanted).strip("_")
        if not wanted.isidentifier() or not wanted.strip("_"):
            wanted = f"net_{wanted}".rstrip("_")
        if wanted in TAKEN:
            wanted += "_"
        found, number = wanted, 1
        while found in self._taken or found in others:
            number += 1
            found = f"{wanted.rstrip('_')}_{number}"
        return found
