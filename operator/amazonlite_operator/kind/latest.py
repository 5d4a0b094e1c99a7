"""Readings beside the observations: a service that does not answer delays no observation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from amazonlite.common.core.clock import Clock
from amazonlite.common.observe.logs import get_logger

V = TypeVar("V")

log = get_logger(__name__)


class Latest(Generic[V]):
    """`of` answers at once with what was read last and starts the next reading when it is due, one an id at a time.

    Whoever asks for an id calls `drop` once it is gone: until then its reading goes on.
    """

    def __init__(self, read: Callable[[str], Awaitable[V]], clock: Clock, every: timedelta) -> None:
        self._ask = read
        self._clock = clock
        self._every = every
        self._read: dict[str, V] = {}
        self._readings: dict[str, tuple[datetime, asyncio.Task[None]]] = {}

    def of(self, subject: str) -> V | None:
        """None until the first answer."""
        now = self._clock.now()
        begun, reading = self._readings.get(subject, (None, None))
        if begun is None or reading is None or (reading.done() and now >= begun + self._every):
            self._readings[subject] = now, asyncio.create_task(self._reading(subject))
        return self._read.get(subject)

    def drop(self, subject: str) -> None:
        self._read.pop(subject, None)
        _, reading = self._readings.pop(subject, (None, None))
        if reading is not None:
            reading.cancel()

    async def _reading(self, subject: str) -> None:
        try:
            self._read[subject] = await self._ask(subject)
        except Exception as error:
            log.info("not_read", subject=subject, error=repr(error))
