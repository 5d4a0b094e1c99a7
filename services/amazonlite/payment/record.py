"""A provider's answer, the payment's new state and its event are written together, under the payment's row lock."""

from __future__ import annotations

from functools import partial
from typing import Any

from prometheus_client import Counter

from amazonlite.common.core.clock import Clock
from amazonlite.common.core.event import Event, new_event
from amazonlite.common.core.ids import IdSource
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.common.observe.logs import get_logger
from amazonlite.payment import store
from amazonlite.payment.dependencies import PaymentDependencies
from amazonlite.payment.domain import CAPTURE_REFUSED, Payment, PaymentState, payment_of
from amazonlite.payment.provider import Charge

log = get_logger(__name__)

REFUSED = Counter("captures_refused_total", "Charges let go by the provider before their money was taken", ["state"])
TYPES = {
    PaymentState.AUTHORIZED: "payment.authorized.v1",
    PaymentState.FAILED: "payment.failed.v1",
    PaymentState.CAPTURED: "payment.captured.v1",
    PaymentState.VOIDED: "payment.voided.v1",
}


async def record_answer(
    deps: PaymentDependencies, uow: UnitOfWork, charge: Charge, *, asked: Payment
) -> Payment | None:
    """The payment after the answer; None when there is no such payment. An answer heard before changes nothing.

    ``asked`` is the payment as it was when the provider was asked. Has it moved since, the answer was overtaken by
    news, and weighs no more than they do.
    """
    payment = await store.lock(uow, asked.payment_id)
    if payment is None:
        return None
    return await _record(deps, uow, payment, charge) if payment == asked else await _weigh(deps, uow, payment, charge)


async def record_news(deps: PaymentDependencies, uow: UnitOfWork, charge: Charge) -> None:
    """What a webhook tells. Webhooks overtake one another, and answers that are under way."""
    payment = await store.lock(uow, payment_of(charge.key))
    if payment is not None:
        await _weigh(deps, uow, payment, charge)


async def _weigh(deps: PaymentDependencies, uow: UnitOfWork, payment: Payment, charge: Charge) -> Payment:
    """Word that may be old takes no authorised payment back by itself, and ends nothing that the provider is to do: the
    provider is asked at once, and its answer counts.
    """
    if payment.to_be_asked_about(charge.key, charge.state):
        await store.save(uow, payment, due_in=0)
        return payment
    return await _record(deps, uow, payment, charge)


async def _record(deps: PaymentDependencies, uow: UnitOfWork, payment: Payment, charge: Charge) -> Payment:
    moved = payment.heard(charge.key, charge.state, charge.reason)
    if moved != payment:
        await store.save(uow, moved, due_in=_due_in(deps, moved))
    if moved.state is PaymentState.VOIDED and moved.reason == CAPTURE_REFUSED and moved != payment:
        uow.after_commit(partial(_report_refused, moved, charge))
    if moved.state is not payment.state and moved.state in TYPES:
        await uow.add_event(event_of(moved, deps.clock, deps.ids))
    return moved


def _report_refused(payment: Payment, charge: Charge) -> None:
    REFUSED.labels(charge.state).inc()
    log.warning(
        "capture_refused",
        order=payment.order_id,
        payment=payment.payment_id,
        charge=charge.key,
        state=charge.state,
        told=charge.reason,
    )


def _due_in(deps: PaymentDependencies, payment: Payment) -> float | None:
    if payment.open_charges:
        return 0
    return deps.recover_after if payment.state is PaymentState.PROCESSING else None


def event_of(payment: Payment, clock: Clock, ids: IdSource) -> Event:
    """The event of the state that the payment is in; KeyError for states that concern nobody else."""
    data: dict[str, Any] = {"paymentId": payment.payment_id, "orderId": payment.order_id}
    if payment.state in {PaymentState.FAILED, PaymentState.VOIDED}:
        data["reason"] = payment.reason
    if payment.state is not PaymentState.FAILED:
        data["amount"] = payment.amount.as_dict()
    kind = TYPES[payment.state]
    return new_event(kind, payment.order_id, data, source="/payment", clock=clock, ids=ids)
