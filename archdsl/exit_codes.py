"""What the commands exit with; where several files are worked on, the worst of them counts."""

from __future__ import annotations

EXIT_FINE = 0

EXIT_ERRORS = 1
"""A spec has errors, or weights are not those of the network."""

EXIT_USAGE = 2
"""An option is wrong, a file can't be read, or the output can't be written."""

EXIT_FAILED = 3
"""A training failed."""

EXIT_INTERRUPTED = 130
"""What a shell gives for a program that Ctrl-C ended: 128 and the number of SIGINT."""

EXIT_CUT_OFF = 141
"""The reader of the output closed it: 128 and the number of SIGPIPE."""
