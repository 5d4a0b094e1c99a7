"""How often a test that depends on chance is repeated: once, or RUNS times."""

from __future__ import annotations

import os

RUNS = range(1, int(os.environ.get("RUNS", "1")) + 1)
