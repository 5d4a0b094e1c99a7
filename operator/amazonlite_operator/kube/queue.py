"""Keys waiting to be reconciled: each at most once, never two workers on one key, failures tried again ever later."""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")

FIRST_RETRY, LAST_RETRY = 0.25, 60.0


class WorkQueue(Generic[K]):
    """`add` now, `add_after` later; `get` takes a key, and `done` gives it back (it runs again if added meanwhile)."""

    def __init__(self, now: Callable[[], float], *, jitter: Callable[[], float] = random.random) -> None:
        self._now = now
        self._jitter = jitter
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._order = 0
        self._running: set[K] = set()
        self._again: dict[K, float] = {}
        self._failures: dict[K, int] = {}
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._due) + len(self._again)

    def add(self, key: K) -> None:
        self.add_after(key, 0.0)

    def add_after(self, key: K, delay: float) -> None:
        """Of two times for one key the earlier wins."""
        due = self._now() + delay
        waiting = self._again if key in self._running else self._due
        if key in waiting and waiting[key] <= due:
            return
        waiting[key] = due
        if waiting is self._due:
            self._push(key, due)

    async def get(self) -> tuple[K, float]:
        """The next due key, and how many seconds ago it was due."""
        while True:
            self._changed.clear()
            key, wait = self._take()
            if key is not None:
                return key, -wait
            try:
                async with asyncio.timeout(wait if wait != float("inf") else None):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def done(self, key: K) -> None:
        self._running.discard(key)
        if key in self._again:
            due = self._again.pop(key)
            self._due[key] = due
            self._push(key, due)

    def succeeded(self, key: K) -> None:
        self._failures.pop(key, None)

    def failed(self, key: K) -> float:
        """Put the key back after a pause that doubles with each failure in a row; the pause is returned."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        pause: float = min(FIRST_RETRY * 2 ** min(failures - 1, 16), LAST_RETRY) * (0.75 + 0.5 * self._jitter())
        self.add_after(key, pause)
        return pause

    def _push(self, key: K, due: float) -> None:
        self._order += 1
        heapq.heappush(self._heap, (due, self._order, key))
        self._changed.set()

    def _take(self) -> tuple[K | None, float]:
        """(key, minus the seconds it is late), or (None, seconds until there may be one)."""
        while self._heap:
            due, _, key = self._heap[0]
            if self._due.get(key) != due:  # superseded by an earlier time
                heapq.heappop(self._heap)
                continue
            if due > self._now():
                return None, due - self._now()
            heapq.heappop(self._heap)
            del self._due[key]
            self._running.add(key)
            return key, due - self._now()
        return None, float("inf")
