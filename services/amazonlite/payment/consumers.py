"""What becomes of an order decides what becomes of its money. The decision is stored; the provider is told later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from prometheus_client import Counter

from amazonlite.common.core.event import Event
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.common.events.handlers import Grouped
from amazonlite.common.observe.logs import get_logger
from amazonlite.payment import store
from amazonlite.payment.domain import Payment

LOST = Counter("paid_orders_lost_total", "Payments that were authorised and whose order was closed by the shop")

log = get_logger(__name__)


async def capture_confirmed(uow: UnitOfWork, events: Sequence[Event]) -> None:
    payments = await store.lock_by_orders(uow, [event.data["orderId"] for event in events])
    await decide_all(uow, payments, lambda payment: payment.order_confirmed())


async def release_closed(uow: UnitOfWork, events: Sequence[Event]) -> None:
    """Also before there is a payment: the order's slot is taken then, and no payment can have it later."""
    reasons = {event.data["orderId"]: event.data["reason"] for event in events}
    await store.close_slots(uow, list(reasons))
    payments = await store.lock_by_orders(uow, list(reasons))
    await decide_all(uow, payments, lambda payment: payment.order_closed(reasons[payment.order_id]))


async def decide_all(uow: UnitOfWork, payments: Sequence[Payment], decide: Callable[[Payment], Payment]) -> None:
    """Of payments that this transaction has locked. A decision made before stays."""
    changed = [after for before in payments if (after := decide(before)) != before]
    await store.save_decided(uow, changed)
    for payment in changed:
        if payment.lost:
            uow.after_commit(partial(_report_lost, payment))


def _report_lost(payment: Payment) -> None:
    LOST.inc()
    log.error("paid_order_lost", order=payment.order_id, payment=payment.payment_id, reason=payment.reason)


HANDLERS: dict[str, Grouped] = {
    "order.confirmed.v1": Grouped(capture_confirmed),
    "order.cancelled.v1": Grouped(release_closed),
    "order.timed-out.v1": Grouped(release_closed),
}
