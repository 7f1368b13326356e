"""Which line of the user's Python runs, or failed."""

from __future__ import annotations

import linecache
import sys
from itertools import islice
from pathlib import Path
from types import FrameType

import torch

from archdsl.from_torch.graph import Place

_NOT_THE_USERS = (f"{Path(__file__).parent.parent}/", f"{Path(torch.__file__).parent}/", "<")

ENTRY = "run_module"
"""The function of ours in which all of the user's module runs."""


def place_of_call(module: str) -> Place | None:
    """The line of the user's that runs now, in the given module; None where all that runs is torch's."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_ours(frame):
        if frame.f_code.co_name == ENTRY:
            return None  # Whoever calls us is no place in the module.
        frame = frame.f_back
    return None if frame is None else _place(frame, frame.f_lasti, frame.f_lineno, module)


def place_of_error(error: BaseException) -> Place | None:
    """The line of the user's in which an error came up; None where there is none."""
    steps = []
    step = error.__traceback__
    while step is not None:
        steps.append(step)
        step = step.tb_next
    for step in reversed(steps):
        if not _is_ours(step.tb_frame):
            return _place(step.tb_frame, step.tb_lasti, step.tb_lineno, "")
    return None


def _is_ours(frame: FrameType) -> bool:
    """Whether a frame is ours or torch's, and not the user's."""
    return frame.f_code.co_filename.startswith(_NOT_THE_USERS)


def _place(frame: FrameType, instruction: int, line: int, module: str) -> Place:
    code = frame.f_code
    text = linecache.getline(code.co_filename, line).rstrip()
    start, end = len(text) - len(text.lstrip()), len(text)
    positions = next(islice(code.co_positions(), instruction // 2, None), (None, None, None, None))
    first, last, first_column, last_column = positions
    if first == line and first_column is not None and last_column is not None:
        # Columns are counted in bytes.
        raw = text.encode("utf-8")
        start = len(raw[:first_column].decode("utf-8", "ignore"))
        end = len(raw[:last_column].decode("utf-8", "ignore")) if last == line else end
    return Place(code.co_filename, line, text, start, end, code.co_name, module)
