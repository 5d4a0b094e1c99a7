"""Requests that arrive at once start a few at a time, so that the first is under way before the last is looked at."""

from __future__ import annotations

import asyncio
from collections import deque


class StartLimiter:
    """Starts at most `width` in one iteration of the event loop, in the order they came.

    Without it every request of a burst is worked on up to its first wait before the loop looks at any socket again:
    neither the next service nor a transaction under way gets anything to do meanwhile.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._left = width
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._counting = False

    async def wait(self) -> None:
        if not self._counting:
            self._counting = True
            asyncio.get_running_loop().call_soon(self._next)
        if self._left and not self._waiting:
            self._left -= 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        await mine

    def _next(self) -> None:
        """The next iteration: who has waited longest goes first; those who went away do not count."""
        self._left = self._width
        while self._waiting and self._left:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                self._left -= 1
        self._counting = bool(self._waiting)
        if self._counting:
            asyncio.get_running_loop().call_soon(self._next)
