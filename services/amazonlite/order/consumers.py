"""The events that move an order. One that comes too late or in vain changes nothing; the timeline keeps it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from amazonlite.common.core.clock import parse_iso
from amazonlite.common.core.context import following
from amazonlite.common.core.event import Event
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.common.events.handlers import Grouped
from amazonlite.order import store
from amazonlite.order.advance import Move, moved, noted, write
from amazonlite.order.claim import CLAIMED, open_claimed_orders
from amazonlite.order.dependencies import OrderDependencies
from amazonlite.order.domain import PAID_STATES, Cause, Changes, Order, TimelineEntry, Trigger


def _reserved(event: Event) -> Changes:
    return Changes(reservation_id=event.data["reservationId"], pay_before=parse_iso(event.data["expiresAt"]))


def _paid(event: Event) -> Changes:
    return Changes(payment_id=event.data["paymentId"])


def _refused(event: Event) -> Changes:
    return Changes(reason=event.data["reason"])


def _payment_failed(event: Event) -> Changes:
    return Changes(reason="payment_failed", payment_id=event.data["paymentId"])


def _capture_refused(event: Event) -> Changes:
    """Of an order that is not over: the payment of any other is voided because the order is."""
    return Changes(reason="capture_refused", payment_id=event.data["paymentId"])


def _hold_expired(_: Event) -> Changes:
    return Changes(reason="hold_expired")


def _sold(event: Event) -> Changes:
    return Changes(payment_id=event.data.get("paymentId"))


REACTIONS: Mapping[str, tuple[Trigger, Callable[[Event], Changes]]] = {
    "inventory.reserved.v1": (Trigger.RESERVE, _reserved),
    "inventory.rejected.v1": (Trigger.REJECT, _refused),
    "inventory.confirmed.v1": (Trigger.CONFIRM, _sold),
    "inventory.confirmation-rejected.v1": (Trigger.REFUSE_CONFIRMATION, _refused),
    "inventory.expired.v1": (Trigger.TIME_OUT, _hold_expired),
    "payment.authorized.v1": (Trigger.AUTHORIZE, _paid),
    "payment.failed.v1": (Trigger.FAIL_PAYMENT, _payment_failed),
    "payment.captured.v1": (Trigger.COMPLETE, _paid),
    "payment.voided.v1": (Trigger.REFUSE_CAPTURE, _capture_refused),
}


def handlers(deps: OrderDependencies) -> dict[str, Grouped]:
    reactions = {topic: Grouped(partial(react, deps)) for topic in REACTIONS}
    return {**reactions, CLAIMED: Grouped(partial(open_claimed_orders, deps))}


async def react(deps: OrderDependencies, uow: UnitOfWork, events: Sequence[Event]) -> None:
    """Moves each order if its state allows it; before the order exists, the timeline's first place is taken instead."""
    by_order = {event.data["orderId"]: event for event in events}
    found = await store.lock_all(uow, by_order)
    for order_id in sorted(by_order.keys() - found.keys()):
        found |= await _met(deps, uow, by_order[order_id])
    moves = [_move(deps, order, by_order[order_id]) for order_id, order in found.items()]
    await write(uow, [move for move in moves if move is not None])


async def _met(deps: OrderDependencies, uow: UnitOfWork, event: Event) -> dict[str, Order]:
    """The order, if it was made since we looked; otherwise the event's place in its timeline is kept."""
    order_id = event.data["orderId"]
    if await store.record_first(uow, order_id, _early(deps, event)):
        return {}
    return await store.lock_all(uow, [order_id])


def _move(deps: OrderDependencies, order: Order, event: Event) -> Move | None:
    """None: the order knows already, for the customer's own confirm told it of this authorisation before."""
    trigger, changes_of = REACTIONS[event.type]
    cause, changes = Cause(event.type, event.id), changes_of(event)
    with following(event.correlation_id, event.traceparent):
        if order.allows(trigger, changes):
            return moved(deps, order, trigger, cause, changes)
    return None if _known(order, trigger, changes) else noted(deps, order, cause, changes.reason)


def _known(order: Order, trigger: Trigger, changes: Changes) -> bool:
    return trigger is Trigger.AUTHORIZE and order.state in PAID_STATES and order.payment_id == changes.payment_id


def _early(deps: OrderDependencies, event: Event) -> TimelineEntry:
    return TimelineEntry(1, None, applied=False, at=deps.clock.now(), cause=Cause(event.type, event.id))
