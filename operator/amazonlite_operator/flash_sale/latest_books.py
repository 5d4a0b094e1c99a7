"""The books of running sales, read beside their observations: orders and payments that do not answer delay none."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from amazonlite.common.core.clock import Clock
from amazonlite.common.observe.logs import get_logger
from amazonlite_operator.flash_sale.ports import Ledgers
from amazonlite_operator.shop.books import Books

EVERY = timedelta(seconds=5)

log = get_logger(__name__)


class LatestBooks:
    """`of` answers at once with what was read last and starts the next reading when it is due, one a sale at a time.

    Whoever asks for a sale calls `drop` once it is gone: until then its reading goes on.
    """

    def __init__(self, ledgers: Ledgers, clock: Clock) -> None:
        self._ledgers = ledgers
        self._clock = clock
        self._read: dict[str, Books] = {}
        self._readings: dict[str, tuple[datetime, asyncio.Task[None]]] = {}

    def of(self, sale_id: str) -> Books | None:
        """None until the first answer."""
        now = self._clock.now()
        begun, reading = self._readings.get(sale_id, (None, None))
        if begun is None or reading is None or (reading.done() and now >= begun + EVERY):
            self._readings[sale_id] = now, asyncio.create_task(self._ask(sale_id))
        return self._read.get(sale_id)

    async def read(self, sale_id: str) -> Books:
        """As of now, with the time it was begun; Unreachable or Refusal when orders or payments do not answer."""
        begun = self._clock.now()
        books = await self._ledgers.books(sale_id)
        return books.model_copy(update={"read_at": begun})

    def drop(self, sale_id: str) -> None:
        self._read.pop(sale_id, None)
        _, reading = self._readings.pop(sale_id, (None, None))
        if reading is not None:
            reading.cancel()

    async def _ask(self, sale_id: str) -> None:
        try:
            self._read[sale_id] = await self.read(sale_id)
        except Exception as error:
            log.info("books_not_read", sale=sale_id, error=repr(error))
