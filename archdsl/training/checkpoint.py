"""A training's state in a folder that has a whole one at every instant.

Each checkpoint is one file, so that no two parts of it can belong to different steps: what torch saves, and after it
a line with the SHA-256 of all that. Torch's own files have no check that is looked at: nearly all flipped bits load as
other numbers. A new one is written under another name, forced to the disk, and then takes its own; only then are older
ones deleted, but for the one before it. What is read holds tensors, text, numbers, and lists and dicts of these, by
`weights_only=True`, and can run no code.

`torch.load` reads the file as it is, for a line after the end is nothing to it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import warnings
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

import torch

from archdsl.diagnostics.render import printable
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_FAILED
from archdsl.reader import reason_of
from archdsl.runs.folder import WEIGHTS
from archdsl.writer import replacing

FORMAT = "archdsl-checkpoint"
VERSION = 2
_NAME = re.compile(r"checkpoint-([0-9]{10,18})\.pt")
_LAST_LINE = re.compile(rb"\narchdsl checkpoint ([0-9]{1,9}) sha256 ([0-9a-f]{64})\n\Z")
_LONGEST_LAST_LINE = 110
_BLOCK = 1 << 20


def save_checkpoint(folder: Path, step: int, content: dict[str, Any]) -> Path:
    """Write the checkpoint of a step, `checkpoint-0000000120.pt`; then delete all others but the one before it.

    Tensors are written as they are, without a copy, those of a GPU one at a time; of a view, all that it is part of.
    While it is written, the disk needs room for three.

    Raises TrainingError (exit code 3) where the disk refuses; then the old ones are as they were. Raises TypeError for
    content that could not be read again with `weights_only=True`.
    """
    _refuse_objects(content)
    path = folder / f"checkpoint-{step:010d}.pt"
    writer: _HashingWriter | None = None
    try:
        with replacing(path) as file:
            writer = _HashingWriter(file)
            torch.save({"format": FORMAT, "version": VERSION, **content}, cast("IO[bytes]", writer))
            file.write(f"\narchdsl checkpoint {VERSION} sha256 {writer.hash.hexdigest()}\n".encode())
        _sync_folder(folder)
    except (OSError, RuntimeError) as error:
        cause = error if writer is None or writer.error is None else writer.error
        if not isinstance(cause, OSError):
            raise
        reason = printable(reason_of(cause))
        raise TrainingError(f"{printable(str(path))} could not be written: {reason}", EXIT_FAILED) from error
    _delete_all_but_the_one_before(path)
    return path


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, whole or not, the newest first."""
    try:
        found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    except OSError as error:
        raise TrainingError(f"{printable(str(folder))}: {printable(reason_of(error))}") from None
    return sorted(found, key=_step_of, reverse=True)


def load_newest(folder: Path) -> tuple[dict[str, Any], Path, list[str]]:
    """The newest checkpoint of a folder that is whole, its file, and a line on each newer one that is not.

    Raises TrainingError where there is none.
    """
    damaged: list[str] = []
    for path in checkpoints(folder):
        try:
            return load_checkpoint(path), path, [f"{line}; the one before it is used" for line in damaged]
        except TrainingError as error:
            damaged.append(str(error))
    nothing = f"{printable(str(folder))}: there is no whole checkpoint in it"
    if (folder / WEIGHTS).exists():
        nothing += f"; a new run can start from what it had learned: --weights {printable(str(folder / WEIGHTS))}"
    raise TrainingError("\n".join([*damaged, nothing]))


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote, on the CPU, after its checksum. Raises TrainingError for any other file."""
    name = printable(str(path))
    try:
        if path.exists() and not path.is_file():
            raise OSError("a folder, not a file" if path.is_dir() else "not a regular file")
        with open(path, "rb") as file:
            _verify(file, name)
            file.seek(0)
            content = _unpickled(file)
    except (OSError, ValueError) as error:
        raise TrainingError(f"{name}: {printable(reason_of(error))}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise TrainingError(f"{name}: not a checkpoint of archdsl")
    return content


def _verify(file: IO[bytes], name: str) -> None:
    """Raise TrainingError where a file is not as it was written."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _LONGEST_LAST_LINE))
    end = _LAST_LINE.search(file.read())
    if end is None:
        told = f"cut after {size:,} bytes, or no checkpoint of archdsl: the line with its checksum is not there"
        raise TrainingError(f"{name}: {told}")
    version, digest = end[1].decode(), end[2].decode()
    if int(version) != VERSION:
        raise TrainingError(f"{name}: written by another version of archdsl (format {version})")
    file.seek(0)
    hash, left = hashlib.sha256(), size - len(end[0])
    while left > 0 and (block := file.read(min(left, _BLOCK))):
        hash.update(block)
        left -= len(block)
    if hash.hexdigest() != digest:
        raise TrainingError(f"{name}: changed since it was written: its checksum differs")


def _unpickled(file: IO[bytes]) -> Any:
    """What torch saved, or None for what it will not read: files that are foreign or hostile."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # What torch says of foreign files is said by the caller, in one line.
            return torch.load(file, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception:  # What torch raises is of every kind.
        return None


def _delete_all_but_the_one_before(newest: Path) -> None:
    """Those of later steps go too: a run that began again before them, for they were damaged, left them behind.

    What can't be deleted now is at the next time.
    """
    step = _step_of(newest)
    before = [path for path in checkpoints(newest.parent) if _step_of(path) < step][:1]
    for path in checkpoints(newest.parent):
        if path.name != newest.name and path not in before:
            with suppress(OSError):
                path.unlink()


def _step_of(path: Path) -> int:
    found = _NAME.fullmatch(path.name)
    assert found
    return int(found[1])


def _refuse_objects(value: Any) -> None:
    """Let nothing but tensors, text, numbers, and lists and dicts of them through; no classes made from these."""
    if type(value) is dict or type(value) is OrderedDict:
        for key, item in value.items():
            _refuse_objects(key)
            _refuse_objects(item)
    elif type(value) in (list, tuple):
        for item in value:
            _refuse_objects(item)
    elif value is not None and type(value) not in (torch.Tensor, str, int, float, bool):
        raise TypeError(f"a {type(value).__name__} can't be part of a checkpoint")


class _HashingWriter:
    """Hashes what is written, and keeps the error of a failed write, which torch hides behind one of its own."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.hash = hashlib.sha256()
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        self.hash.update(data)
        try:
            return self.file.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self.file.flush()


def _sync_folder(folder: Path) -> None:
    """Force the new name itself to the disk. Where a system can't do that with a folder, there is nothing to force."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):
            raise
    finally:
        os.close(descriptor)
