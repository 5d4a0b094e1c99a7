"""A provider's answer, the payment's new state and its event are written together, under the payment's row lock."""

from __future__ import annotations

from typing import Any

from amazonlite.common.core.clock import Clock
from amazonlite.common.core.event import Event, new_event
from amazonlite.common.core.ids import IdSource
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.payment import store
from amazonlite.payment.desk import PaymentDesk
from amazonlite.payment.domain import Payment, PaymentState
from amazonlite.payment.provider import Charge

TYPES = {
    PaymentState.AUTHORIZED: "payment.authorized.v1",
    PaymentState.FAILED: "payment.failed.v1",
    PaymentState.CAPTURED: "payment.captured.v1",
    PaymentState.VOIDED: "payment.voided.v1",
}


async def record_answer(desk: PaymentDesk, uow: UnitOfWork, charge: Charge) -> Payment | None:
    """The payment after the answer; None when there is no such payment. An answer heard before changes nothing."""
    payment = await store.lock(uow, charge.key)
    if payment is None:
        return None
    moved = payment.answered(charge.state, charge.reason)
    if moved != payment:
        await store.save(uow, moved, due_in=0 if moved.wanted else None)
    if moved.state is not payment.state and moved.state in TYPES:
        await uow.add_event(event_of(moved, desk.clock, desk.ids))
    return moved


def event_of(payment: Payment, clock: Clock, ids: IdSource) -> Event:
    """The event of the state that the payment is in; KeyError for states that concern nobody else."""
    data: dict[str, Any] = {"paymentId": payment.payment_id, "orderId": payment.order_id}
    if payment.state is PaymentState.FAILED:
        data["reason"] = payment.reason
    else:
        data["amount"] = payment.amount.as_dict()
    kind = TYPES[payment.state]
    return new_event(kind, payment.order_id, data, source="/payment", clock=clock, ids=ids)
