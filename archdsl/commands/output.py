"""Text to standard output, in color or not."""

from __future__ import annotations

import os
from typing import Any


def wants_color(stream: Any, when: str = "auto") -> bool:
    """Whether to color: `always`, `never`, or by itself, which is on a terminal.

    By itself, NO_COLOR that is not empty is no (no-color.org), FORCE_COLOR yes (force-color.org), and a terminal that
    is called "dumb" gets none.
    """
    if when != "auto":
        return when == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return bool(stream is not None and stream.isatty()) and os.environ.get("TERM") != "dumb"


def write(text: str) -> None:
    """Print text now, with a line end; nothing where it is empty."""
    if text:
        print(text, flush=True)
