"""Tasks are ended for certain, also those that lose a cancellation."""

from __future__ import annotations

import asyncio
import contextlib

from amazonlite.common.core.tasks import stop


async def test_a_task_that_loses_a_cancellation_is_asked_again() -> None:
    ended = asyncio.Event()

    async def deaf_once() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(deaf_once())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await stop([task])
    assert ended.is_set()


async def test_what_has_ended_is_left_alone() -> None:
    async def done() -> int:
        return 1

    task = asyncio.create_task(done())
    await task
    await stop([task])
    assert task.result() == 1
