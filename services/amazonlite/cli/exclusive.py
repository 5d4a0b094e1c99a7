"""One command at a time changes the cluster of this machine, whichever checkout it comes from."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from amazonlite.cli.paths import HOME
from amazonlite.cli.progress import step


@contextmanager
def exclusive() -> Iterator[None]:
    """Waits for another `up` or `down` to end; a killed one holds nothing, since the kernel drops its lock."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "command.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with step("waiting", "still_busy", kept="everything", next_step="try again later") as now:
                now.detail("another amazonlite command changes this machine's cluster")
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield
