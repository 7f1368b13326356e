"""A training's state in one file that is whole at every instant.

The file holds tensors, text, numbers, and lists and dicts of these, so it is read with `weights_only=True` and can
run no code. A new one is written beside the old, forced to the disk, and then takes the old one's name: whatever
stops the program leaves the old or the new.
"""

from __future__ import annotations

import os
import warnings
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

import torch

from archdsl.training.errors import TRAINING_FAILED, TrainingError, printable

FORMAT = "archdsl-checkpoint"
VERSION = 1


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write `content` to `path` in place of what is there.

    Raises TrainingError (exit code 3) where the disk refuses; then the old file is as it was. Raises TypeError for
    content that could not be read again with `weights_only=True`.
    """
    _refuse_objects(content)
    unfinished = path.with_name(f"{path.name}.unfinished")
    file: _RememberingFile | None = None
    try:
        with open(unfinished, "wb") as opened:
            file = _RememberingFile(opened)
            torch.save({"format": FORMAT, "version": VERSION, **content}, cast("IO[bytes]", file))
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(unfinished, path)
    except BaseException as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        cause = file.error if file is not None and file.error is not None else error
        if isinstance(cause, OSError):
            raise TrainingError(
                f"{printable(str(path))} could not be written: {cause.strerror or cause}", TRAINING_FAILED
            ) from error
        raise
    _sync_folder(path.parent)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote, on the CPU. Raises TrainingError for any other file."""
    name = printable(str(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # What torch says of foreign files is said below, in one line.
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise TrainingError(f"{name}: {error.strerror or error}") from None
    except Exception:  # What torch raises on files that are cut, foreign or hostile is of every kind.
        raise TrainingError(f"{name}: not a whole checkpoint of archdsl") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise TrainingError(f"{name}: not a checkpoint of archdsl")
    if content.get("version") != VERSION:
        raise TrainingError(f"{name}: written by another version of archdsl (format {content.get('version')!r})")
    return content


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


class _RememberingFile:
    """Keeps the error of a failed write, which torch hides behind one of its own."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return self.file.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self.file.flush()


def _sync_folder(folder: Path) -> None:
    """Force the new name itself to the disk. Where a system can't open a folder, there is nothing to force."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
