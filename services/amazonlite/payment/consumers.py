"""What becomes of an order decides what becomes of its money. The decision is stored; the provider is told later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from amazonlite.common.core.event import Event
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.payment import store
from amazonlite.payment.domain import Payment

Handler = Callable[[UnitOfWork, Event], Awaitable[None]]


async def capture_confirmed(uow: UnitOfWork, event: Event) -> None:
    payment = await store.lock_by_order(uow, event.data["orderId"])
    if payment is not None:
        await _decide(uow, payment, payment.order_confirmed())


async def release_closed(uow: UnitOfWork, event: Event) -> None:
    """Also before there is a payment: the order's slot is taken then, and no payment can have it later."""
    order_id = event.data["orderId"]
    if await store.take_slot(uow, order_id, None):
        return
    payment = await store.lock_by_order(uow, order_id)
    if payment is not None:
        await _decide(uow, payment, payment.order_closed(event.data["reason"]))


async def _decide(uow: UnitOfWork, payment: Payment, decided: Payment) -> None:
    if decided != payment:
        await store.save(uow, decided, due_in=0 if decided.wanted else None)


HANDLERS: dict[str, Handler] = {
    "order.confirmed.v1": capture_confirmed,
    "order.cancelled.v1": release_closed,
    "order.timed-out.v1": release_closed,
}
