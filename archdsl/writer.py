"""Texts to files: the whole new text or the whole old one, whatever happens."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Write a text in place of that of a file, in UTF-8, with line feeds.

    It is written beside the old one, forced to the disk, and then takes its name; it keeps the file's mode. A link
    stays, and the file that it leads to is replaced.

    Raises OSError where the file is read-only, or the folder or the disk refuses; then the old text is as it was.
    """
    target = path.resolve(strict=True)
    mode = stat.S_IMODE(target.stat().st_mode)
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "the file is read-only")
    unfinished = target.with_name(f".archdsl-{os.getpid()}.unfinished")
    with open(unfinished, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        try:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
            os.chmod(unfinished, mode)
            os.replace(unfinished, target)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink()
            raise
