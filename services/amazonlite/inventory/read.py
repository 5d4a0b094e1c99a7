"""Looks at stock without changing anything."""

from __future__ import annotations

from amazonlite.inventory.dependencies import Dependencies
from amazonlite.inventory.reservations import store
from amazonlite.inventory.reservations.domain import Reservation, ReservationNotFound
from amazonlite.inventory.stock import store as stocks
from amazonlite.inventory.stock.domain import EntryKind, Stock, UnknownSku


async def get_stock(deps: Dependencies, sku: str) -> Stock:
    async with deps.transactions() as uow:
        found = await stocks.find_stock(uow, sku)
    if found is None:
        raise UnknownSku(sku)
    return found


async def get_ledger(deps: Dependencies, sku: str) -> tuple[Stock, dict[EntryKind, int]]:
    """The counters and the ledger's totals as of one moment."""
    async with deps.transactions() as uow:
        # Whoever books an entry holds the stock row's lock until the commit.
        found = (await stocks.lock_stock(uow, [sku])).get(sku)
        totals = await stocks.ledger_totals(uow, sku)
    if found is None:
        raise UnknownSku(sku)
    return found, totals


async def get_reservation(deps: Dependencies, order_id: str) -> Reservation:
    async with deps.transactions() as uow:
        found = await store.find_reservation(uow, order_id)
    if found is None:
        raise ReservationNotFound(order_id)
    return found
