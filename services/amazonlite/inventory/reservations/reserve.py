"""Reserves all lines of an order or none of them. The same order again gets the reservation it has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from amazonlite.common.core.certain import certain
from amazonlite.common.core.clock import iso
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.inventory.dependencies import Dependencies
from amazonlite.inventory.reservations import store
from amazonlite.inventory.reservations.domain import Line, Reservation, ReservationState, entries_for
from amazonlite.inventory.stock import store as stocks
from amazonlite.inventory.stock.book import book
from amazonlite.inventory.stock.domain import EntryKind, InsufficientStock, Stock, UnknownSku

RESERVED = "inventory.reserved.v1"


async def reserve(
    deps: Dependencies, uow: UnitOfWork, order_id: str, lines: Sequence[Line], expires_at: datetime
) -> Reservation:
    """UnknownSku or InsufficientStock: nothing is reserved. A tombstone comes back as it is: RELEASED, no lines."""
    known = await store.lock_reservation(uow, order_id)
    if known is not None:
        return known
    stock = await stocks.lock_stock(uow, {line.sku for line in lines})
    for line in lines:
        _check(line, stock.get(line.sku))
    new = Reservation(deps.ids("res"), order_id, ReservationState.HELD, expires_at, tuple(lines))
    if not await store.add_reservation(uow, new):
        return await _of_the_other(uow, order_id)
    await book(uow, entries_for(new, EntryKind.RESERVE))
    await uow.add_event(deps.event(RESERVED, order_id, reservationId=new.id, expiresAt=iso(expires_at)))
    return new


def _check(line: Line, stock: Stock | None) -> None:
    if stock is None:
        raise UnknownSku(line.sku)
    if stock.available < line.quantity:
        raise InsufficientStock(line.sku, line.quantity, stock.available)


async def _of_the_other(uow: UnitOfWork, order_id: str) -> Reservation:
    """Somebody else reserved for, or released, the order since we looked."""
    return certain(await store.lock_reservation(uow, order_id), "reservations are never deleted")
