"""Looks at stock without changing anything."""

from __future__ import annotations

from amazonlite.inventory import store
from amazonlite.inventory.desk import Desk
from amazonlite.inventory.domain import Kind, Reservation, ReservationNotFound, Stock, UnknownSku


async def get_stock(desk: Desk, sku: str) -> Stock:
    async with desk.transactions() as uow:
        found = await store.find_stock(uow, sku)
    if found is None:
        raise UnknownSku(sku)
    return found


async def get_ledger(desk: Desk, sku: str) -> tuple[Stock, dict[Kind, int]]:
    """The counters and the ledger's totals as of one moment."""
    async with desk.transactions() as uow:
        # Whoever books an entry holds the stock row's lock until the commit.
        found = (await store.lock_stock(uow, [sku])).get(sku)
        totals = await store.ledger_totals(uow, sku)
    if found is None:
        raise UnknownSku(sku)
    return found, totals


async def get_reservation(desk: Desk, order_id: str) -> Reservation:
    async with desk.transactions() as uow:
        found = await store.find_reservation(uow, order_id)
    if found is None:
        raise ReservationNotFound(order_id)
    return found
