"""Work that is looked for by asking again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def poll(work: Callable[[], Awaitable[int]], *, every: float) -> None:
    """Repeats `work` at once while it finds something to do (a count above 0), otherwise after `every` seconds."""
    while True:
        if not await work():
            await asyncio.sleep(every)
