"""What every command shares at its edge: output that can't be written or is cut off, and Ctrl-C."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress

from archdsl.diagnostics.render import visible
from archdsl.exit_codes import EXIT_CUT_OFF, EXIT_INTERRUPTED, EXIT_USAGE


def guarded(command: Callable[[], int]) -> int:
    """Run a command to its exit code; a reader that closed the pipe, a full disk and Ctrl-C leave no traceback."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that can't show a character gets it written out.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = command()
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        # `archdsl check spec.arch | head` is no mistake, but what is asked for was not told.
        _drop_what_is_left()
        return EXIT_CUT_OFF
    except OSError as error:
        if error.filename is not None:
            raise
        _drop_what_is_left()
        with suppress(OSError):
            print(f"archdsl: the output can't be written: {visible(error.strerror or str(error))}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt as error:
        from archdsl.training.start import rank  # Here, for a check that is not interrupted needs none of it.

        # What SIGTERM and SIGHUP end is one too, and has the number of its signal.
        number = getattr(error, "number", None)
        if rank() == 0:  # torchrun ends the others so when one has told why all of them end.
            print(f"archdsl: {str(error) or 'interrupted'}", file=sys.stderr)
        return EXIT_INTERRUPTED if number is None else 128 + number
    return code


def _drop_what_is_left() -> None:
    """Let what is still in the buffer go nowhere, for Python writes it once more when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
