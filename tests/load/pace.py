"""Work at an even pace."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def at_pace(*works: Callable[[int], Awaitable[None]], beats: int, seconds: int) -> None:
    """Starts each work ``beats`` times a second, whether or not the one before has ended, and ends when all have."""
    async with asyncio.TaskGroup() as started:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for beat in range(seconds * beats):
            for work in works:
                started.create_task(work(beat))  # type: ignore[arg-type]
            await asyncio.sleep(max(0.0, begin + (beat + 1) / beats - loop.time()))
