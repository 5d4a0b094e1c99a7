"""A background task that crashes is started again, ever more patiently, and the process is not ready meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from time import monotonic

from amazonlite.common.core.tasks import stop
from amazonlite.common.observe.health import Health
from amazonlite.common.observe.logs import get_logger
from amazonlite.common.observe.metrics import TASK_RESTARTS

log = get_logger(__name__)

Background = Callable[[], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STEADY_AFTER = 60.0


async def supervise(run: Background, health: Health, *, sleep: Sleep = asyncio.sleep) -> None:
    """Runs until the task returns on its own; a crash after a steady minute starts counting pauses anew."""
    name = _name_of(run)
    pause = FIRST_PAUSE
    while True:
        started = monotonic()
        health.down.pop(name, None)
        try:
            await run()
            return
        except Exception as error:
            if monotonic() - started > STEADY_AFTER:
                pause = FIRST_PAUSE
            health.down[name] = f"crashed: {type(error).__name__}"
            TASK_RESTARTS.labels(name).inc()
            log.exception("background_task_crashed", task=name, again_in_seconds=pause)
        await sleep(pause * random.uniform(0.8, 1.2))
        pause = min(pause * 2, LONGEST_PAUSE)


def _name_of(run: Background) -> str:
    """What health and metrics call the task: its function's name."""
    function = run.func if isinstance(run, partial) else run
    return getattr(function, "__qualname__", type(function).__name__)


@contextlib.asynccontextmanager
async def running(background: Sequence[Background], health: Health) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(supervise(run, health)) for run in background]
    try:
        yield
    finally:
        await stop(tasks)
