"""Passwords are checked a few at a time, and networks take turns: whoever sends many waits behind himself only."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from amazonlite.common.core.errors import Unavailable
from amazonlite.common.http.network import site_of
from amazonlite.common.security.passwords import AT_ONCE

LONGEST_WAIT = 8.0  # seconds; the gateway gives up after 10, and a hash for nobody would keep others waiting


class SignInBusy(Unavailable):
    """More sign-ins at once than can be checked in time; nothing was counted, come back after Retry-After."""

    code = "sign_in_busy"
    title = "Sign-in busy"

    def __init__(self) -> None:
        super().__init__("too many sign-ins at once", retry_after=2, next_step="Send the same request again.")


class SignInQueue:
    """At most `width` sign-ins are worked on: both hashing threads are busy, and the database keeps connections for
    everybody else.

    `most_waiting` wait, `most_each` of one network. When the queue is full, a network that has nobody in it still gets
    a place: the last of the longest line is refused for it. IPv6 networks take turns by the /48: limits elsewhere
    count a /64 and so bound what each may send, but here the customer of a provider would take 65,536 turns of a round.
    """

    def __init__(self, *, width: int = AT_ONCE + 1, most_waiting: int = 100, most_each: int = 10) -> None:
        self._free = width
        self._most_waiting, self._most_each = most_waiting, most_each
        self._lines: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, network: str) -> AsyncIterator[None]:
        """SignInBusy when there is no place, or when the turn does not come in time."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(site_of(network))
        try:
            yield
        finally:
            self._free += 1
            self._next()

    async def _wait(self, network: str) -> None:
        mine = self._join(network)
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                await mine
        except BaseException as error:
            self._leave(network, mine)
            if isinstance(error, TimeoutError):
                raise SignInBusy from error
            raise

    def _join(self, network: str) -> asyncio.Future[None]:
        if len(self._lines.get(network, ())) >= self._most_each:
            raise SignInBusy
        if sum(map(len, self._lines.values())) >= self._most_waiting:
            self._make_room(network)
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(network, deque()).append(mine)
        return mine

    def _make_room(self, network: str) -> None:
        longest = max(self._lines, key=lambda name: len(self._lines[name]))
        if len(self._lines[longest]) <= len(self._lines.get(network, ())) + 1:
            raise SignInBusy
        self._lines[longest].pop().set_exception(SignInBusy())

    def _next(self) -> None:
        """The network that waited longest since its last turn goes next."""
        while self._free and self._lines:
            network, line = self._lines.popitem(last=False)
            first = line.popleft()
            if line:
                self._lines[network] = line
            if not first.done():
                self._free -= 1
                first.set_result(None)

    def _leave(self, network: str, mine: asyncio.Future[None]) -> None:
        line = self._lines.get(network)
        if line is not None and mine in line:
            line.remove(mine)
            if not line:
                del self._lines[network]
        elif mine.done() and not mine.cancelled() and mine.exception() is None:  # the turn came as it was given up
            self._free += 1
            self._next()
