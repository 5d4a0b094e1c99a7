"""Sets how many units of a SKU are on hand, as counted; the difference is booked."""

from __future__ import annotations

from collections.abc import Mapping

from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.inventory import store
from amazonlite.inventory.book import book
from amazonlite.inventory.desk import Desk
from amazonlite.inventory.domain import BelowReserved, Entry, Kind, Stock


async def set_on_hand(desk: Desk, uow: UnitOfWork, counted: Mapping[str, int]) -> list[Stock]:
    """All or none; a SKU that is new starts here. BelowReserved: reserved units cannot be counted away."""
    await store.ensure_stock(uow, counted)
    before = await store.lock_stock(uow, counted)
    entries: list[Entry] = []
    for sku, stock in before.items():
        if counted[sku] < stock.reserved:
            raise BelowReserved(stock, counted[sku])
        if counted[sku] != stock.on_hand:
            entries.append(Entry(desk.ids("adj"), Kind.ADJUST, sku, counted[sku] - stock.on_hand))
    await book(uow, entries)
    return [Stock(sku, counted[sku], counted[sku] - stock.reserved, stock.reserved) for sku, stock in before.items()]
