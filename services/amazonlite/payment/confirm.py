"""The provider is called outside any transaction, after PROCESSING is on record; its answer is recorded after."""

from __future__ import annotations

from amazonlite.common.core.viewer import Viewer
from amazonlite.common.data.idempotency import IdempotencyKeyReused
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.payment import store
from amazonlite.payment.dependencies import PaymentDependencies
from amazonlite.payment.domain import Method, Payment, PaymentState
from amazonlite.payment.errors import OrderNotPayable, PaymentAlreadyDecided
from amazonlite.payment.provider import Charge, ProviderUnavailable
from amazonlite.payment.read import visible
from amazonlite.payment.record import record_answer


async def confirm_payment(
    deps: PaymentDependencies, viewer: Viewer, payment_id: str, method: Method, *, key: str
) -> Payment:
    """AUTHORIZED, declined, or PROCESSING while the answer is out. The same command again finishes the first.

    Declined is REQUIRES_CONFIRMATION again, with the reason: another key tries again. FAILED is the last.
    """
    payment = await in_transaction(deps.transactions, lambda uow: _begin(deps, uow, viewer, payment_id, method, key))
    if payment.state is not PaymentState.PROCESSING or payment.wanted is not None:
        return payment
    try:
        async with deps.provider_call() as provider:
            charge = await provider.authorize(payment.charge_key, payment.amount, payment.method or method)
    except ProviderUnavailable:
        return payment
    return await _record(deps, payment, charge)


async def _begin(
    deps: PaymentDependencies, uow: UnitOfWork, viewer: Viewer, payment_id: str, method: Method, key: str
) -> Payment:
    payment = visible(await store.lock(uow, payment_id), payment_id, viewer)
    if (declined := payment.declined_by(key)) is not None:
        _require_method(declined.method, method)
        return payment
    if payment.state is not PaymentState.REQUIRES_CONFIRMATION:
        _require_same_command(payment, method, key)
        return payment
    if payment.pay_before <= deps.clock.now():
        raise OrderNotPayable("The time to pay has passed.")
    confirmed = payment.confirmed(method, key)
    await store.save(uow, confirmed, due_in=deps.recover_after)
    return confirmed


def _require_same_command(payment: Payment, method: Method, key: str) -> None:
    if payment.method is method:
        return
    if payment.confirm_key == key:
        _require_method(payment.method, method)
    raise PaymentAlreadyDecided(payment)


def _require_method(used: Method | None, method: Method) -> None:
    if used is not method:
        raise IdempotencyKeyReused("This idempotency key was used with another method.")


async def _record(deps: PaymentDependencies, payment: Payment, charge: Charge) -> Payment:
    moved = await in_transaction(deps.transactions, lambda uow: record_answer(deps, uow, charge, asked=payment))
    return moved or payment
