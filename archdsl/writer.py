"""Texts to files: the whole new text or the whole old one, whatever happens."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

UNFINISHED = ".unfinished"
"""How the name of a file ends that is being written; one that is left over is of a program that was killed."""


def replace_text(path: Path, text: str) -> None:
    """Write a text in place of that of a file, in UTF-8, with line feeds; see `replacing`.

    Raises FileNotFoundError where there is no file.
    """
    path.resolve(strict=True)
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, or one in place of another, whole or not at all; see `replacing`."""
    with replacing(path) as file:
        file.write(data)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write into, which is `path` when the block has ended; where the block raises, nothing has changed.

    It is written beside the old one, forced to the disk, and then takes its name; it keeps the old one's mode. A link
    stays, and the file that it leads to is replaced.

    Raises OSError where the old file is read-only, or the folder or the disk refuses; then the old one is as it was.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise OSError("a folder, not a file" if target.is_dir() else "not a regular file")
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    if mode is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "the file is read-only")
    unfinished = target.with_name(f".archdsl-{os.getpid()}{UNFINISHED}")
    # The first mode of a new file is what the user's mask makes of it.
    first = 0o666 if mode is None else 0o600
    with open(unfinished, "xb", opener=lambda name, flags: os.open(name, flags, first)) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if mode is not None:
                os.chmod(unfinished, mode)
            os.replace(unfinished, target)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink()
            raise
