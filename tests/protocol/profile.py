"""How many sequences are played, how long each may be, and how a run is repeated.

PROTOCOL_EXAMPLES=5000 is the long form. A failed test prints its PROTOCOL_SEED, which plays the same sequences again.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from typing import cast

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

EXAMPLES = int(os.environ.get("PROTOCOL_EXAMPLES", "60"))
PARTS = 2
"""Each part is a test of its own with a seed of its own, so that parts run side by side."""
SETTINGS = settings(
    max_examples=max(1, EXAMPLES // PARTS),
    stateful_step_count=24,
    deadline=None,
    database=None,
    print_blob=True,
    derandomize=False,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


def search(machine: Callable[[], RuleBasedStateMachine], how: settings = SETTINGS) -> None:
    """Plays random sequences, each on a machine of its own; the shortest found that breaks something is raised."""
    chosen = int(os.environ.get("PROTOCOL_SEED") or secrets.randbits(32))
    print(f"PROTOCOL_SEED={chosen}")
    run_state_machine_as_test(cast(type[RuleBasedStateMachine], seed(chosen)(machine)), settings=how)
