"""Lets shoppers in from the queue, five times a second; any number of pods may do so at the same time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from amazonlite.common.background.every import every
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.inventory.dependencies import Dependencies
from amazonlite.inventory.flash_sale import store as sales
from amazonlite.inventory.flash_sale.queue_store import QueueStore
from amazonlite.inventory.flash_sale.store import Turnout

EVERY_SECONDS = 0.2
# A closed sale stays known to Redis for as long as its shoppers may come and ask.
CLOSED_WITHIN = timedelta(minutes=10)
SAVE_EVERY = 10


@dataclass(slots=True)
class Admitter:
    """Brings what MySQL says of each running sale to Redis and admits; keeps the turnout in MySQL for when Redis is
    emptied."""

    deps: Dependencies
    queue: QueueStore
    _ticks: int = 0
    _saved: dict[str, Turnout] = field(default_factory=dict)

    async def run(self) -> None:
        """For ever; while a store is away it tries again at every tick."""
        await every(EVERY_SECONDS, self.tick, waits="admission_waits")

    async def tick(self) -> None:
        async with self.deps.transactions() as uow:
            running = await sales.list_running(uow, CLOSED_WITHIN)
            known = {sale.id: await self._known(uow, sale.id) for sale, _ in running}
        seen = {sale.id: await self.queue.tick(sale, now, known[sale.id]) for sale, now in running}
        self._ticks += 1
        if self._ticks % SAVE_EVERY == 0:
            await self._save(seen)

    async def _known(self, uow: UnitOfWork, sale_id: str) -> Turnout:
        if sale_id not in self._saved:
            self._saved[sale_id] = await sales.turnout(uow, sale_id)
        return self._saved[sale_id]

    async def _save(self, seen: dict[str, Turnout]) -> None:
        for sale_id, turnout in seen.items():
            if turnout != self._saved[sale_id]:
                await in_transaction(self.deps.transactions, partial(sales.save_turnout, sale_id=sale_id, seen=turnout))
        self._saved = seen
