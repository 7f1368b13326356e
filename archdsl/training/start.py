"""How a command that needs torch starts: which of torchrun's processes it is, and torch loaded, or why it is not."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout

from archdsl.errors import TrainingError

_LITTLE_SPINNING = "1000"

_PATIENCE = 5.0
"""Seconds that the other processes wait for the first to tell why all of them end."""


def is_one_of_many() -> bool:
    """Whether torchrun started this process as one of several."""
    size, own = (os.environ.get(name, "") for name in ("WORLD_SIZE", "RANK"))
    return size.isdecimal() and own.isdecimal() and int(size) > 1


def rank() -> int:
    """Which of torchrun's processes this is, from 0; 0 for a process alone."""
    return int(os.environ["RANK"]) if is_one_of_many() else 0


@contextmanager
def told_by_first() -> Iterator[None]:
    """While it is open, the first of torchrun's processes alone prints: all do the same, and would tell the same."""
    with ExitStack() as stack:
        if rank() > 0:
            nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            stack.enter_context(redirect_stdout(nowhere))
            stack.enter_context(redirect_stderr(nowhere))
        try:
            yield
        except TrainingError as error:
            error.of_all = True
            raise


def wait_for_first() -> None:
    """Let the first process tell why all of them end: torchrun ends the others as soon as one has."""
    if rank() > 0:
        time.sleep(_PATIENCE)


def load_torch() -> None:
    """Load torch, which takes seconds. Raises TrainingError where it is not installed, or can't be loaded.

    Its threads wait for each other without spinning for long. They spin for milliseconds as they come, which costs
    nothing on idle cores; beside one other busy process on two cores, it makes the training of AlexNet two to three
    times as slow (30-41 against 87-97 images per second).
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _LITTLE_SPINNING)
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise TrainingError(
            f"this needs {error.name}, which is not installed; `pip install torch torchvision` installs it",
            of_all=True,
        ) from error
    except (ImportError, OSError) as error:  # As where `ulimit -v` has no room for it.
        raise TrainingError(f"torch can't be loaded: {error}", of_all=True) from error
