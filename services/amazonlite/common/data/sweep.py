"""Work that a service does again and again beside its requests, whatever is away meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from amazonlite.common.core.errors import Unavailable
from amazonlite.common.observe.logs import get_logger

log = get_logger(__name__)


async def keep_sweeping(work: Callable[[], Awaitable[object]], *, every: float, waits: str) -> None:
    """Runs `work` every so many seconds, for ever; what is away is logged as the event `waits` and tried again."""
    while True:
        try:
            await work()
        except Unavailable as error:
            log.warning(waits, code=error.code, detail=error.detail)
        await asyncio.sleep(every)
