"""Each test process keeps to one core, for pytest runs one on each."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
