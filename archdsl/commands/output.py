"""What commands print: text to standard output, in color or not, and complaints to standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from archdsl.diagnostics.render import visible
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_USAGE
from archdsl.reader import reason_of


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


def write_exactly(text: str) -> None:
    """Print a text that is for programs as it is: in UTF-8, with its own line ends, whatever the terminal has."""
    if hasattr(sys.stdout, "buffer"):
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8"))
    else:
        print(text, end="")
    if sys.stdout is not None:
        sys.stdout.flush()


def refuse(message: str) -> int:
    """Say what is wrong with the use of a command, and return the exit code for that."""
    print(f"archdsl: {message}", file=sys.stderr)
    return EXIT_USAGE


def refuse_file(name: str, error: Exception) -> int:
    """Say why a file can't be read or written, and return the exit code for that."""
    return refuse(f"{visible(name)}: {visible(reason_of(error))}")


def complain(error: TrainingError) -> int:
    """Say why it can't go on, line by line; returns the exit code. Of several processes, each says who it is."""
    from archdsl.training.report import write_line  # Here, for a check that finds nothing to say needs none of it.
    from archdsl.training.start import rank, wait_for_first

    number = rank()
    if number and error.of_all:  # Then the first says it.
        wait_for_first()
        return error.exit_code
    for line in filter(None, str(error).splitlines()):
        write_line(sys.stderr, f"archdsl: process {number}: {line}" if number else f"archdsl: {line}")
    return error.exit_code


def wrong_output(output: str, read: Iterable[Path] = ()) -> str | None:
    """Why `-o` can't be meant, in words, or None: it names no file that could be, or one that the command has read."""
    if not output:
        return "-o names no file: its value is empty"
    if output.endswith(("/", os.sep)) or os.path.isdir(output):
        return f"-o {visible(output)} names a folder, not a file"
    if not os.path.isdir(folder := os.path.dirname(output) or "."):
        return f"{visible(output)}: there is no folder {visible(folder)}"
    for path in read:
        if os.path.exists(output) and path.exists() and os.path.samefile(output, path):
            return f"-o {visible(output)} would take the place of {visible(path.name)} itself, which is read"
    return None


def wrong_page(output: str, read: Iterable[Path] = ()) -> str | None:
    """Why `-o` can't be meant for a page, in words, or None; so no page takes the place of a run's own files."""
    if (wrong := wrong_output(output, read)) is not None:
        return wrong
    if not output.lower().endswith((".html", ".htm")):
        return f"the page is HTML, so -o {visible(output)} must end in .html"
    return None
