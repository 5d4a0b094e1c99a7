"""Who changes the cluster of this machine does so alone; who uses it is not disturbed meanwhile.

Two locks in AMAZONLITE_HOME, the same for every checkout: one for commands that change the cluster, which wait for each
other, and one that programs on the cluster (tests, demonstrations, loads) share and such a command takes alone, so that
no checkout replaces the shop under what another one runs. A killed holder holds nothing: the kernel drops its locks.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from amazonlite_cli.paths import HOME
from amazonlite_cli.progress import step

_CHANGING, _USING = "command.lock", "use.lock"


@contextmanager
def exclusive() -> Iterator[None]:
    """Waits until nobody else changes the cluster or uses it, and keeps both away inside the block."""
    with (
        _locked(_CHANGING, fcntl.LOCK_EX, "another amazonlite command changes this machine's cluster"),
        _locked(_USING, fcntl.LOCK_EX, "tests, a demonstration or a load are running on this machine's cluster"),
    ):
        yield


@contextmanager
def in_use() -> Iterator[None]:
    """Waits for a change under way; then the cluster stays as it is inside the block, or in what it is replaced by."""
    with _locked(_USING, fcntl.LOCK_SH, "another amazonlite command changes this machine's cluster"):
        yield


@contextmanager
def _locked(name: str, how: int, holder: str) -> Iterator[None]:
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / name).open("w") as lock:
        os.set_inheritable(lock.fileno(), how == fcntl.LOCK_SH)
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
        except BlockingIOError:
            with step("waiting", "still_busy", kept="everything", next_step="try again later") as now:
                now.detail(holder)
                fcntl.flock(lock, how)
        yield
