"""Ending tasks for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

ASK_AGAIN_SECONDS = 1.0


async def stop(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Until all have ended: a library that loses a cancellation must not keep the process from stopping."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=ASK_AGAIN_SECONDS)
