"""Keeps cancellation away from pymongo, which loses its lock when it is cancelled while it waits for a server.

It waits by `asyncio.wait_for`, which before Python 3.12 may lose a cancellation
(https://github.com/python/cpython/issues/86296), and then every later call waits for ever, closing the client included.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def undisturbed(operation: Coroutine[Any, Any, T]) -> T:
    """Who is cancelled goes at once; the operation runs on to its own timeout, or until its client is closed."""
    task = asyncio.create_task(operation)
    task.add_done_callback(_seen)
    return await asyncio.shield(task)


def _seen(task: asyncio.Task[Any]) -> None:
    """An error that nobody waits for any more is no news."""
    if not task.cancelled():
        task.exception()
