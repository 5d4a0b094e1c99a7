"""No counter moves without its entry in the ledger, in the same transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.inventory import allocation, store
from amazonlite.inventory.domain import Delta, Entry, balance, totals_of


async def book(uow: UnitOfWork, entries: Sequence[Entry]) -> None:
    """Writes the entries down and applies their effects. Sales first, then stock, each by key: see ``store``.

    The counters come last, so that a row that many want is locked for as short as can be.
    """
    if entries:
        await store.add_entries(uow, entries)
    by_sale: dict[str, list[Entry]] = defaultdict(list)
    by_sku: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_sku[entry.sku].append(entry)
        if entry.sale_id is not None:
            by_sale[entry.sale_id].append(entry)
    for sale_id in sorted(by_sale):
        await allocation.move(uow, sale_id, _sum(by_sale[sale_id]))
    for sku in sorted(by_sku):
        delta = _sum(by_sku[sku])
        if delta.on_hand or delta.available or delta.reserved:
            await store.move_stock(uow, sku, delta)


def _sum(entries: Sequence[Entry]) -> Delta:
    return balance(totals_of(entries))
