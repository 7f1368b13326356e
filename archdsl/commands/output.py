"""Text to standard output: in color or not, and without what a program that reads along would obey."""

from __future__ import annotations

import os
import re
from typing import Any

from archdsl.formats.github import without_brackets

_COMMAND_AT_THE_START = re.compile(r"^(\s*):(?=:)", re.MULTILINE)


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


def unobeyed(text: str) -> str:
    """Text for people as the log of a CI run takes it.

    The runners of GitHub and Azure obey lines that begin with `::`, and `##[` or `##vso[` wherever it stands; a file's
    name or a comment could hold these. Elsewhere they mean nothing, and stay as they are.
    """
    if not (os.environ.get("GITHUB_ACTIONS") or os.environ.get("TF_BUILD")):
        return text
    return without_brackets(_COMMAND_AT_THE_START.sub(r"\1\\x3a", text))
