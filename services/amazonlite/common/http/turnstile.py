"""A crowd that arrives at once starts in small parties, so that who is first is on the way before the last is seen."""

from __future__ import annotations

import asyncio
from collections import deque


class Turnstile:
    """Lets at most `width` through in one turn of the event loop, in the order they came.

    Without it a burst of requests is worked on up to its first wait, all of it, before the loop looks at any socket
    again: neither the next service nor a transaction under way gets anything to do meanwhile.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._left = width
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._counting = False

    async def enter(self) -> None:
        if not self._counting:
            self._counting = True
            asyncio.get_running_loop().call_soon(self._turn)
        if self._left and not self._waiting:
            self._left -= 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        await mine

    def _turn(self) -> None:
        """The next turn: whoever waited longest goes first; those who went away do not count."""
        self._left = self._width
        while self._waiting and self._left:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                self._left -= 1
        self._counting = bool(self._waiting)
        if self._counting:
            asyncio.get_running_loop().call_soon(self._turn)
