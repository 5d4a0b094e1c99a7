"""What orders do to stock. Topics come in any order: an order may be cancelled here before it is created."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from amazonlite.common.core.clock import parse_iso
from amazonlite.common.core.event import Event
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.inventory.confirm import confirm
from amazonlite.inventory.desk import Desk
from amazonlite.inventory.domain import (
    InsufficientStock,
    Line,
    ReservationAlreadyDecided,
    ReservationNotFound,
    UnknownSku,
)
from amazonlite.inventory.release import release
from amazonlite.inventory.reserve import reserve

Handler = Callable[[UnitOfWork, Event], Awaitable[None]]

GROUP = "inventory"
REJECTED = "inventory.rejected.v1"
CONFIRMATION_REJECTED = "inventory.confirmation-rejected.v1"


def handlers(desk: Desk) -> dict[str, Handler]:
    return {
        "order.created.v1": partial(order_created, desk),
        "order.authorized.v1": partial(order_authorized, desk),
        "order.cancelled.v1": partial(order_ended, desk),
        "order.timed-out.v1": partial(order_ended, desk),
    }


async def order_created(desk: Desk, uow: UnitOfWork, event: Event) -> None:
    """A flash-sale order has its reservation already: the hold it was made from."""
    data = event.data
    if data.get("saleId"):
        return
    lines = _merged([Line(line["sku"], line["quantity"]) for line in data["lines"]])
    try:
        await reserve(desk, uow, data["orderId"], lines, parse_iso(data["payBefore"]))
    except (UnknownSku, InsufficientStock) as refusal:
        # The tombstone makes the refusal final, however often the event is replayed.
        await release(desk, uow, data["orderId"])
        sku = refusal.extra["sku"]
        await uow.add_event(desk.event(REJECTED, data["orderId"], reason=refusal.code, sku=sku))


async def order_authorized(desk: Desk, uow: UnitOfWork, event: Event) -> None:
    order_id = event.data["orderId"]
    try:
        await confirm(desk, uow, order_id)
    except ReservationNotFound as refusal:
        await uow.add_event(desk.event(CONFIRMATION_REJECTED, order_id, reason=refusal.code))
    except ReservationAlreadyDecided as refusal:
        reason = f"reservation_{refusal.state.lower()}"
        await uow.add_event(desk.event(CONFIRMATION_REJECTED, order_id, reason=reason))


async def order_ended(desk: Desk, uow: UnitOfWork, event: Event) -> None:
    """What is bought stays bought: an order that ended after its confirmation lost that race and hears so itself."""
    try:
        await release(desk, uow, event.data["orderId"])
    except ReservationAlreadyDecided:
        return


def _merged(lines: list[Line]) -> list[Line]:
    """One line a SKU."""
    units: dict[str, int] = {}
    for line in lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return [Line(sku, quantity) for sku, quantity in units.items()]
