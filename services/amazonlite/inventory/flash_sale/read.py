"""Looks at sales without changing anything."""

from __future__ import annotations

from dataclasses import dataclass

from amazonlite.inventory.dependencies import Dependencies
from amazonlite.inventory.flash_sale import store as sales
from amazonlite.inventory.flash_sale.domain import Sale, SaleAudit
from amazonlite.inventory.flash_sale.errors import QueueUnavailable, SaleNotFound
from amazonlite.inventory.flash_sale.queue_store import QueueCount, QueueStore
from amazonlite.inventory.flash_sale.store import Turnout
from amazonlite.inventory.reservations.domain import Reservation, ReservationNotFound

MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class QueueLook:
    """The queue's counts; not ``available``: Redis is away, waiting and active are not known."""

    waiting: int
    active: int
    turnout: Turnout
    available: bool


async def get_sale(deps: Dependencies, sale_id: str) -> Sale:
    async with deps.transactions() as uow:
        found = await sales.find(uow, sale_id)
    if found is None:
        raise SaleNotFound(sale_id)
    return found[0]


async def list_sales(deps: Dependencies) -> list[Sale]:
    async with deps.transactions() as uow:
        return await sales.list_all(uow, MOST_LISTED)


async def audit_sale(deps: Dependencies, sale_id: str) -> SaleAudit:
    async with deps.transactions() as uow:
        books = await sales.audit_sale(uow, sale_id)
    if books is None:
        raise SaleNotFound(sale_id)
    return books


async def look_at_queue(deps: Dependencies, queue: QueueStore, sale_id: str) -> QueueLook:
    """Redis's own count, with the turnout last kept by MySQL where Redis is away or was emptied a moment ago."""
    async with deps.transactions() as uow:
        kept = await sales.turnout(uow, sale_id)
    try:
        count = await queue.count(sale_id)
    except QueueUnavailable:
        return QueueLook(0, 0, kept, available=False)
    return QueueLook(count.waiting, count.active, _larger(kept, count), available=True)


def _larger(kept: Turnout, count: QueueCount) -> Turnout:
    return Turnout(max(kept.admitted, count.turnout.admitted), max(kept.rejected, count.turnout.rejected))


async def get_hold(deps: Dependencies, order_id: str) -> tuple[Reservation, Sale]:
    async with deps.transactions() as uow:
        found = await sales.find_hold(uow, order_id)
    if found is None:
        raise ReservationNotFound(order_id)
    return found
