"""What every command shares at its edge: output that is cut off, and Ctrl-C."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

EXIT_INTERRUPTED = 130


def guarded(command: Callable[[], int]) -> int:
    """Run a command to its exit code; a reader that closed the pipe, and Ctrl-C, end it without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that can't show a character gets it written out.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = command()
        sys.stdout.flush()
    except BrokenPipeError:
        # `archdsl check spec.arch | head` is no mistake. What is left in the buffer has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("archdsl: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    return code
