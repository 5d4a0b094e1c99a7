"""What orders do to stock. Topics come in any order: an order may be cancelled here before it is created."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from amazonlite.common.core.clock import parse_iso
from amazonlite.common.core.event import Event
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.common.events.handlers import Grouped, Single
from amazonlite.inventory.dependencies import Dependencies
from amazonlite.inventory.reservations import store
from amazonlite.inventory.reservations.confirm import confirm_held
from amazonlite.inventory.reservations.domain import Line, Reservation, ReservationNotFound, ReservationState
from amazonlite.inventory.reservations.release import release
from amazonlite.inventory.reservations.reserve import reserve
from amazonlite.inventory.reservations.take_back import take_back
from amazonlite.inventory.stock.domain import InsufficientStock, UnknownSku

GROUP = "inventory"
REJECTED = "inventory.rejected.v1"
CONFIRMATION_REJECTED = "inventory.confirmation-rejected.v1"


def handlers(deps: Dependencies) -> dict[str, Single | Grouped]:
    return {
        "order.created.v1": Single(partial(order_created, deps), concerns=_has_no_hold),
        "payment.authorized.v1": Grouped(partial(orders_paid, deps)),
        "order.cancelled.v1": Grouped(partial(orders_ended, deps)),
        "order.timed-out.v1": Grouped(partial(orders_ended, deps)),
    }


def _has_no_hold(event: Event) -> bool:
    """A flash-sale order has its reservation already: the hold it was made from."""
    return not event.data.get("saleId")


async def order_created(deps: Dependencies, uow: UnitOfWork, event: Event) -> None:
    data = event.data
    lines = _merged([Line(line["sku"], line["quantity"]) for line in data["lines"]])
    try:
        await reserve(deps, uow, data["orderId"], lines, parse_iso(data["payBefore"]))
    except (UnknownSku, InsufficientStock) as refusal:
        # The tombstone makes the refusal final, however often the event is replayed.
        await release(deps, uow, data["orderId"])
        sku = refusal.extra["sku"]
        await uow.add_event(deps.event(REJECTED, data["orderId"], reason=refusal.code, sku=sku))


async def orders_paid(deps: Dependencies, uow: UnitOfWork, events: Sequence[Event]) -> None:
    """The goods are sold. An order whose goods are gone, because it was cancelled meanwhile, is told so."""
    payments = {event.data["orderId"]: event.data["paymentId"] for event in events}
    found = {r.order_id: r for r in await store.lock_reservations(uow, payments)}
    await confirm_held(deps, uow, [r for r in found.values() if r.state is ReservationState.HELD], payments)
    refused = {order_id: _refusal(found.get(order_id)) for order_id in payments}
    await uow.add_events(
        [deps.event(CONFIRMATION_REJECTED, order, reason=reason) for order, reason in refused.items() if reason]
    )


def _refusal(found: Reservation | None) -> str:
    """Why there is nothing to sell; empty where there is, or where it is sold already."""
    if found is None:
        return ReservationNotFound.code
    over = found.state in {ReservationState.RELEASED, ReservationState.EXPIRED}
    return f"reservation_{found.state.lower()}" if over else ""


async def orders_ended(deps: Dependencies, uow: UnitOfWork, events: Sequence[Event]) -> None:
    """What the order service decided is final, so goods that were sold to the order are free again, too."""
    await take_back(deps, uow, [event.data["orderId"] for event in events])


def _merged(lines: list[Line]) -> list[Line]:
    """One line a SKU."""
    units: dict[str, int] = {}
    for line in lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return [Line(sku, quantity) for sku, quantity in units.items()]
