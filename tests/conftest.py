"""Each test process keeps to one core, for pytest runs one on each, and can be interrupted."""

from __future__ import annotations

import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # As for what a shell starts in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
