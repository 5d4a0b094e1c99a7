"""Staff say how many units of a SKU there are: as a change with its reason, or as a count of what they saw.

A count says what was on the shelf when somebody looked. Units sold since must not come back by it, so that a count
names the stock it was compared with, by its version, and is refused once that has changed, whatever came back since.
"""

from __future__ import annotations

from collections.abc import Mapping

from amazonlite.common.core.ids import derive_id
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.inventory.dependencies import Dependencies
from amazonlite.inventory.stock import store
from amazonlite.inventory.stock.book import book
from amazonlite.inventory.stock.domain import (
    AdjustmentKeyReused,
    BelowReserved,
    CountIsStale,
    CountNeedsComparison,
    Entry,
    EntryKind,
    Reason,
    Stock,
    UnknownSku,
)


async def change_by(deps: Dependencies, uow: UnitOfWork, sku: str, units: int, reason: Reason, *, key: str) -> Stock:
    """The stock afterwards; the same key again changes nothing more. Never below what is reserved."""
    stock = (await store.lock_stock(uow, [sku])).get(sku)
    if stock is None:
        raise UnknownSku(sku)
    entry = Entry(derive_id("adj", sku, key), EntryKind.ADJUST, sku, units, reason=reason)
    booked = await store.find_entry(uow, entry.key)
    if booked is not None:
        if booked != entry:
            raise AdjustmentKeyReused
        return stock
    if stock.available + units < 0:
        raise BelowReserved(stock, stock.on_hand + units)
    await book(uow, [entry])
    return await _stock_of(uow, sku)


async def count(deps: Dependencies, uow: UnitOfWork, sku: str, on_hand: int, *, seen: str | None) -> Stock:
    """Sets what is on hand. ``seen`` is the tag of the stock that was counted; only what is new can go without."""
    stock = await _stock_of(uow, sku)
    if stock.on_hand == on_hand:  # also the same count again, whose answer was lost
        return stock
    if seen is not None and seen != stock.tag:
        raise CountIsStale(stock)
    if seen is None and stock.has_moved:
        raise CountNeedsComparison(stock)
    [counted] = await set_on_hand(deps, uow, {sku: on_hand})
    return counted


async def start(deps: Dependencies, uow: UnitOfWork, counted: Mapping[str, int]) -> list[Stock]:
    """Gives each SKU that has no stock yet its first; the others are left as they are."""
    await store.ensure_stock(uow, counted)
    before = await store.lock_stock(uow, counted)
    known = [stock for stock in before.values() if stock.has_moved]
    new = {sku: counted[sku] for sku, stock in before.items() if not stock.has_moved}
    return [*known, *await set_on_hand(deps, uow, new)]


async def set_on_hand(deps: Dependencies, uow: UnitOfWork, counted: Mapping[str, int]) -> list[Stock]:
    """All or none; a SKU that is new starts here. BelowReserved: reserved units cannot be counted away."""
    if not counted:
        return []
    await store.ensure_stock(uow, counted)
    before = await store.lock_stock(uow, counted)
    entries: list[Entry] = []
    for sku, stock in before.items():
        if counted[sku] < stock.reserved:
            raise BelowReserved(stock, counted[sku])
        if counted[sku] != stock.on_hand:
            units = counted[sku] - stock.on_hand
            entries.append(Entry(deps.ids("adj"), EntryKind.ADJUST, sku, units, reason=Reason.COUNTED))
    await book(uow, entries)
    return list((await store.lock_stock(uow, counted)).values())


async def _stock_of(uow: UnitOfWork, sku: str) -> Stock:
    await store.ensure_stock(uow, [sku])
    return (await store.lock_stock(uow, [sku]))[sku]
