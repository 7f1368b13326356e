"""Files to sources: the only reading that a check does."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path

from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.diagnostic import Diagnostic
from archdsl.source import Source, Span

MAX_BYTES = 1 << 20
"""The largest file that is read: 1 MiB."""

MOST_NAMES = 1_000
"""Of so many files of a folder the one that is nearest to a missing one is looked for."""

STDIN = "-"
"""How the command line calls standard input."""


def spec_files(paths: Iterable[str]) -> list[str]:
    """The files that are meant: a folder stands for the `.arch` files in it and below it, by name.

    Hidden folders are left out, links to folders are not followed, and no file comes twice. A folder that can't be
    read, or that has no such file, stays in the list: reading it says what is wrong.
    """
    found: dict[str, str] = {}
    for path in paths:
        below = _files_below(path) if path != STDIN and os.path.isdir(path) else []
        for each in below or [path]:
            found.setdefault(each if each == STDIN else os.path.abspath(each), each)
    return list(found.values())


def _files_below(folder: str) -> list[str]:
    files: list[str] = []

    def keep_unreadable(error: OSError) -> None:
        files.append(str(error.filename))

    for place, folders, names in os.walk(folder, onerror=keep_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (os.path.join(place, name) for name in sorted(names) if name.endswith(".arch"))
        files += [path.removeprefix(f".{os.sep}") if folder == os.curdir else path for path in paths]
    return files


def read_spec(path: Path) -> tuple[Source, list[Diagnostic]]:
    """Read a file as a source. Whatever is wrong with it is a diagnostic, also that it can't be read at all."""
    try:
        return read_source(path)
    except (OSError, ValueError) as error:
        return unreadable(path, error)


def unreadable(path: Path, error: Exception) -> tuple[Source, list[Diagnostic]]:
    """An empty source for a file that can't be read, and why."""
    source = Source(str(path), "")
    facts = {"path": str(path), "reason": reason_of(error), "suggestion": _near(path, error)}
    return source, [diagnose("unreadable-file", Span(source, 0, 0), **facts)]


def reason_of(error: Exception) -> str:
    """Why a file can't be read or written, as a message has it: "permission denied"."""
    if isinstance(error, IsADirectoryError):
        return "a folder, not a file"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 (byte {error.start})"
    reason = getattr(error, "strerror", None) or str(error)
    return reason[:1].lower() + reason[1:]


def _near(path: Path, error: Exception) -> str | None:
    with suppress(OSError):
        return near_file(path) if isinstance(error, FileNotFoundError) else None
    return None


def near_file(path: Path) -> str | None:
    """The spec that is probably meant by a path where nothing is, or None: beside it, or in a folder beside it."""
    from difflib import get_close_matches  # Needed only where there is a mistake.

    folder = path.parent
    if not folder.is_dir():
        nearest = near_file(folder) if folder != folder.parent else None
        if nearest is None:
            return None
        folder = Path(nearest)
    beside = sorted(
        each for each in islice(folder.iterdir(), MOST_NAMES) if not each.name.startswith(".") and each.exists()
    )
    folders = [each for each in beside if each.is_dir()]
    inside = [each for other in folders for each in sorted(islice(other.glob("*.arch"), MOST_NAMES))]
    for places in ([each for each in beside if each.suffix == ".arch" or each.is_dir()], inside):
        # An ending that is alike makes no name alike.
        by_name = {each.stem: each for each in reversed(places)}
        if near := get_close_matches(path.stem, by_name, n=1, cutoff=0.6):
            return str(by_name[near[0]])
    return None


def read_standard_input(filename: str | None = None) -> tuple[Source, list[Diagnostic]]:
    """Read standard input as a source: `<stdin>`, or as if it were the text of the file of this name."""
    data = b"" if sys.stdin is None else sys.stdin.buffer.read(MAX_BYTES + 1)
    return source_of(data, filename or "<stdin>", Path(filename) if filename else None)


def read_source(path: Path, name: str | None = None) -> tuple[Source, list[Diagnostic]]:
    """Read a file as a source, as `source_of` does.

    Raises OSError where the file can't be read, or is no regular file.
    """
    return source_of(read_bytes(path), str(path) if name is None else name, path)


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, one more than MAX_BYTES at most.

    Raises OSError where the file can't be read, or is no regular file.
    """
    if path.is_dir():
        os.listdir(path)  # Raises where it can't be read.
        raise OSError("a folder, not a file" if _files_below(str(path)) else "a folder without `.arch` files")
    if path.exists() and not path.is_file():
        raise OSError("not a regular file")
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def source_of(data: bytes, name: str, path: Path | None = None) -> tuple[Source, list[Diagnostic]]:
    """Bytes as a source; a byte order mark and CRLF are as if absent.

    Bytes that are no UTF-8, and more of them than MAX_BYTES, come back as diagnostics.
    """
    if len(data) > MAX_BYTES:
        source = Source(name, "", path)
        return source, [diagnose("file-too-large", Span(source, 0, 0), limit=MAX_BYTES)]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        text = data.decode("utf-8", errors="replace")
        source = Source(name, normalized(text), path)
        start = len(normalized(data[: error.start].decode("utf-8")))
        return source, [diagnose("not-utf-8", Span(source, start, start + 1), byte=data[error.start])]
    return Source(name, normalized(text), path), []


def normalized(text: str) -> str:
    """The text without a byte order mark, its lines ended by line feeds."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n")
