"""How often chance is tried: `make test-all` has tests that draw or kill at random do so ten times as often."""

from __future__ import annotations

import os

TRIES = int(os.environ.get("ARCHDSL_TRIES", "1"))
