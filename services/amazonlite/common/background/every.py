"""Work that a process does again and again beside its requests, whatever is away meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from amazonlite.common.core.errors import Unavailable
from amazonlite.common.observe.logs import get_logger

log = get_logger(__name__)

MORE = True  # what `work` says when it should be run again at once


async def every(seconds: float, work: Callable[[], Awaitable[object]], *, waits: str) -> None:
    """Runs `work` now and then every so many seconds, for ever, and again at once for as long as it answers MORE.

    What is away (`Unavailable`) is logged as the event `waits` and tried again after the pause, so that an outage ends
    neither the loop nor the process's readiness. Any other error is a fault of our own and ends it.
    """
    while True:
        more: object = False
        try:
            more = await work()
        except Unavailable as error:
            log.warning(waits, code=error.code, detail=error.detail)
        if more is not MORE:
            await asyncio.sleep(seconds)
