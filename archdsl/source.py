"""A text and places in it. Offsets only: lines and columns are computed when something is shown."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import NamedTuple


class Files(NamedTuple):
    """Files elsewhere than on the disk: in a file of weights, in a revision of git.

    read: gives the bytes of a file by its path, or raises OSError.
    root: the folder that imports may not leave; None is the folder of the spec, as on the disk.
    """

    read: Callable[[Path], bytes]
    root: Path | None = None


class Source:
    """A named text: a file, or something typed.

    `name` is how messages call it (the path as the user gave it, or "<text>"); `path` is the real file, where
    there is one. `files` is where its imports are read from, None being the disk.
    """

    def __init__(self, name: str, text: str, path: Path | None = None, files: Files | None = None) -> None:
        self.name = name
        self.text = text
        self.path = path
        self.files = files

    def __repr__(self) -> str:
        return f"Source({self.name!r}, {len(self.text)} characters)"

    @cached_property
    def line_starts(self) -> list[int]:
        """The offset at which each line begins."""
        starts = [0]
        at = self.text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.text.find("\n", at + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """The line and column of an offset, both from 1."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line, numbered from 1, without its end."""
        start = self.line_starts[number - 1]
        end = self.line_starts[number] if number < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")


class Span(NamedTuple):
    """Characters `start` to `end - 1` of a source."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        """The number of the line on which it begins, from 1."""
        return self.source.position(self.start)[0]
