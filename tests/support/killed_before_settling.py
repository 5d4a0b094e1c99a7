"""`python -m support.killed_before_settling amazonlite.loyalty`: a service whose process dies before it acknowledges.

What it took of Kafka has had its effect in the database by then.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from collections.abc import Sequence
from typing import Any

from amazonlite.common.events.group_member import GroupMember


async def _die(_: GroupMember, messages: Sequence[Any], undone: Sequence[Any]) -> None:
    if messages:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    GroupMember.settle = _die  # type: ignore[method-assign]
    runpy.run_module(sys.argv[1], run_name="__main__")
