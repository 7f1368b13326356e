"""Files to sources: the only reading that a check does."""

from __future__ import annotations

from pathlib import Path

from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.diagnostic import Diagnostic
from archdsl.source import Source, Span

MAX_BYTES = 1 << 20
"""The largest file that is read: 1 MiB."""


def read_source(path: Path, name: str | None = None) -> tuple[Source, list[Diagnostic]]:
    """Read a file as a source; a byte order mark and CRLF are as if absent.

    Bytes that are no UTF-8, and a file that is too large, come back as diagnostics. Raises OSError where the file
    can't be read, or is no regular file.
    """
    name = str(path) if name is None else name
    if path.exists() and not path.is_file():
        raise OSError("not a regular file")
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
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
