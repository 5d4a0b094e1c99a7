"""How much is repeated: a test that depends on chance once, or RUNS times; ROWS=all adds what another test covers."""

from __future__ import annotations

import os

RUNS = range(1, int(os.environ.get("RUNS", "1")) + 1)
WHICH_ROWS = os.environ.get("ROWS", "")
ALL_ROWS = WHICH_ROWS == "all"
