"""Calls that come while others are under way are served together: one round trip for many."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Call = TypeVar("Call")
Answer = TypeVar("Answer")

Serve = Callable[[Sequence[Call]], Awaitable[Sequence[Answer]]]
Batch = Sequence[tuple[Call, asyncio.Future[Answer]]]


class Batcher(Generic[Call, Answer]):
    """`serve` gets batches of up to `at_most` calls in the order they came, and answers them in that order.

    No call waits for others: while fewer than `in_flight` batches are under way, it goes with whatever else this
    iteration of the event loop brings. What `serve` raises, every call of that batch gets. A caller that goes away
    cancels no other.
    """

    def __init__(self, serve: Serve[Call, Answer], *, at_most: int, in_flight: int = 2) -> None:
        self._serve = serve
        self._at_most = at_most
        self._free = in_flight
        self._waiting: deque[tuple[Call, asyncio.Future[Answer]]] = deque()
        self._batches: set[asyncio.Task[None]] = set()
        self._scheduled = False

    async def ask(self, call: Call) -> Answer:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((call, answer))
        if self._free and not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._start)
        return await answer

    def _start(self) -> None:
        self._scheduled = False
        while self._free and self._waiting:
            self._free -= 1
            batch = [self._waiting.popleft() for _ in range(min(self._at_most, len(self._waiting)))]
            task = asyncio.create_task(self._answer(batch))
            self._batches.add(task)
            task.add_done_callback(self._done)

    async def _answer(self, batch: Batch[Call, Answer]) -> None:
        try:
            answers = await self._serve([call for call, _ in batch])
            for (_, waiting), answer in zip(batch, answers, strict=True):
                if not waiting.done():
                    waiting.set_result(answer)
        except Exception as error:
            for _, waiting in batch:
                if not waiting.done():
                    waiting.set_exception(error)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._batches.discard(task)
        self._free += 1
        self._start()
