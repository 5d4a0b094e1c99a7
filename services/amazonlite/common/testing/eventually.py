"""Waiting for a condition with a deadline, the one way a test may wait."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
async def eventually(
    condition: Callable[[], Awaitable[T]], *, within: float = ..., every: float = ..., what: str = ...
) -> T: ...
@overload
async def eventually(condition: Callable[[], T], *, within: float = ..., every: float = ..., what: str = ...) -> T: ...
async def eventually(
    condition: Callable[[], Any], *, within: float = 10.0, every: float = 0.02, what: str = "as it should be"
) -> Any:
    """The first truthy result of `condition`; AssertionError with `what` and the last result after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        outcome = condition()
        result = await outcome if inspect.isawaitable(outcome) else outcome
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what}; the last result was {result!r}")
        await asyncio.sleep(every)
