"""Exports how many paid orders were ever lost, from the table: the number outlives restarts and deleted sales."""

from __future__ import annotations

from prometheus_client import Gauge

from amazonlite.common.background.every import every
from amazonlite.payment import store
from amazonlite.payment.dependencies import PaymentDependencies

EVERY_SECONDS = 30.0
LOST = Gauge("lost_paid_orders", "Authorised payments whose order was closed by the shop, by the table; must be 0")


async def keep_watching_lost(deps: PaymentDependencies) -> None:
    """Reads the table for ever; while the database is away the last number stays."""

    async def read() -> None:
        async with deps.transactions() as uow:
            LOST.set(await store.count_lost(uow))

    await every(EVERY_SECONDS, read, waits="lost_paid_orders_not_read")
