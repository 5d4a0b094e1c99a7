"""The events that move an order. One that comes too late or in vain changes nothing; the timeline keeps it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from amazonlite.common.core.clock import parse_iso
from amazonlite.common.core.event import Event
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.order import store
from amazonlite.order.advance import advance, note
from amazonlite.order.claim import open_claimed_order
from amazonlite.order.desk import OrderDesk
from amazonlite.order.domain import PAID_STATES, Cause, Changes, Order, TimelineEntry, Trigger

Handler = Callable[[UnitOfWork, Event], Awaitable[None]]


def _reserved(event: Event) -> Changes:
    return Changes(reservation_id=event.data["reservationId"], pay_before=parse_iso(event.data["expiresAt"]))


def _paid(event: Event) -> Changes:
    return Changes(payment_id=event.data["paymentId"])


def _refused(event: Event) -> Changes:
    return Changes(reason=event.data["reason"])


def _payment_failed(event: Event) -> Changes:
    return Changes(reason="payment_failed", payment_id=event.data["paymentId"])


def _hold_expired(_: Event) -> Changes:
    return Changes(reason="hold_expired")


def _nothing(_: Event) -> Changes:
    return Changes()


REACTIONS: Mapping[str, tuple[Trigger, Callable[[Event], Changes]]] = {
    "inventory.reserved.v1": (Trigger.RESERVE, _reserved),
    "inventory.rejected.v1": (Trigger.REJECT, _refused),
    "inventory.confirmed.v1": (Trigger.CONFIRM, _nothing),
    "inventory.confirmation-rejected.v1": (Trigger.REFUSE_CONFIRMATION, _refused),
    "inventory.expired.v1": (Trigger.TIME_OUT, _hold_expired),
    "payment.authorized.v1": (Trigger.AUTHORIZE, _paid),
    "payment.failed.v1": (Trigger.FAIL_PAYMENT, _payment_failed),
    "payment.captured.v1": (Trigger.COMPLETE, _paid),
}
CLAIMED = "flash-sale.claimed.v1"


def handlers(desk: OrderDesk) -> dict[str, Handler]:
    reactions: dict[str, Handler] = {topic: partial(react, desk) for topic in REACTIONS}
    return reactions | {CLAIMED: partial(open_claimed_order, desk)}


async def react(desk: OrderDesk, uow: UnitOfWork, event: Event) -> None:
    """Moves the order if its state allows it; before the order exists, the timeline's first place is taken instead."""
    order_id = event.data["orderId"]
    order = await store.lock(uow, order_id)
    if order is None and await store.record_first(uow, order_id, _early(desk, event)):
        return
    order = order or await store.lock(uow, order_id)
    if order is not None:
        await _apply(desk, uow, order, event)


async def _apply(desk: OrderDesk, uow: UnitOfWork, order: Order, event: Event) -> None:
    trigger, changes_of = REACTIONS[event.type]
    cause, changes = Cause(event.type, event.id), changes_of(event)
    if order.allows(trigger):
        await advance(desk, uow, order, trigger, cause, changes)
    elif not _known(order, trigger, changes):
        await note(desk, uow, order, cause, changes.reason)


def _known(order: Order, trigger: Trigger, changes: Changes) -> bool:
    """The customer's own confirm told us of this authorisation before its event did."""
    return trigger is Trigger.AUTHORIZE and order.state in PAID_STATES and order.payment_id == changes.payment_id


def _early(desk: OrderDesk, event: Event) -> TimelineEntry:
    return TimelineEntry(1, None, applied=False, at=desk.clock.now(), cause=Cause(event.type, event.id))
