"""Asks that come while others are under way travel together: one round trip for many."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")

Serve = Callable[[Sequence[Ask]], Awaitable[Sequence[Answer]]]


class Together(Generic[Ask, Answer]):
    """`serve` gets up to `at_most` asks in the order they came and answers them in that order.

    No ask waits for company: while fewer than `flights` are under way it leaves with whatever else this turn of the
    event loop brings. What `serve` raises, everyone on that flight gets. An asker who goes away takes nobody along.
    """

    def __init__(self, serve: Serve[Ask, Answer], *, at_most: int, flights: int = 2) -> None:
        self._serve = serve
        self._at_most = at_most
        self._free = flights
        self._waiting: deque[tuple[Ask, asyncio.Future[Answer]]] = deque()
        self._flying: set[asyncio.Task[None]] = set()
        self._called = False

    async def ask(self, ask: Ask) -> Answer:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((ask, answer))
        if self._free and not self._called:
            self._called = True
            loop.call_soon(self._depart)
        return await answer

    def _depart(self) -> None:
        self._called = False
        while self._free and self._waiting:
            self._free -= 1
            aboard = [self._waiting.popleft() for _ in range(min(self._at_most, len(self._waiting)))]
            flight = asyncio.create_task(self._fly(aboard))
            self._flying.add(flight)
            flight.add_done_callback(self._landed)

    async def _fly(self, aboard: Sequence[tuple[Ask, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._serve([ask for ask, _ in aboard])
            for (_, waiting), answer in zip(aboard, answers, strict=True):
                if not waiting.done():
                    waiting.set_result(answer)
        except Exception as error:
            for _, waiting in aboard:
                if not waiting.done():
                    waiting.set_exception(error)

    def _landed(self, flight: asyncio.Task[None]) -> None:
        self._flying.discard(flight)
        self._free += 1
        self._depart()
