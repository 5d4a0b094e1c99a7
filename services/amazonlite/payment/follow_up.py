"""Payments that are due get one provider call each: to take or give back money, or to ask how a lost call ended."""

from __future__ import annotations

import asyncio
import random

from amazonlite.common.background.every import every
from amazonlite.common.data.unit_of_work import in_transaction
from amazonlite.common.observe.logs import get_logger
from amazonlite.payment import store
from amazonlite.payment.dependencies import PaymentDependencies
from amazonlite.payment.domain import Method, Payment, PaymentState, Wanted
from amazonlite.payment.provider import Charge, Provider, ProviderUnavailable
from amazonlite.payment.record import record_answer
from amazonlite.payment.store import Due

log = get_logger(__name__)

BATCH = 16
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 60.0
ASKED_AGAIN, ASKED_AGAIN_AT_LAST = 30.0, 3600.0


async def keep_following_up(deps: PaymentDependencies, *, seconds: float) -> None:
    """For ever; while the database is away it tries again."""

    async def any_due() -> bool:
        return await follow_up_due(deps) > 0

    await every(seconds, any_due, waits="follow_up_waits")


async def follow_up_due(deps: PaymentDependencies, *, batch: int = BATCH) -> int:
    """Looks after one batch and returns its size. A crash on the way costs a lease, and no call counts twice."""
    due = await in_transaction(deps.transactions, lambda uow: store.lease_due(uow, batch, deps.recover_after))
    results = await asyncio.gather(*(_attend(deps, item) for item in due), return_exceptions=True)
    for item, result in zip(due, results, strict=True):
        if isinstance(result, BaseException):
            log.error("payment_follow_up_failed", payment=item.payment.payment_id, exc_info=result)
    return len(due)


async def _attend(deps: PaymentDependencies, due: Due) -> None:
    try:
        async with deps.provider_call() as provider:
            charge = await _ask(deps, provider, due)
    except ProviderUnavailable:
        pause = min(FIRST_PAUSE * 2**due.attempts, LONGEST_PAUSE) * random.uniform(0.8, 1.2)
        await in_transaction(deps.transactions, lambda uow: store.put_off(uow, due.payment, pause))
        return
    moved = await in_transaction(deps.transactions, lambda uow: record_answer(deps, uow, charge, asked=due.payment))
    if moved == due.payment and _only_asked_about(due.payment):
        pause = min(ASKED_AGAIN * 2**due.attempts, ASKED_AGAIN_AT_LAST)
        await in_transaction(deps.transactions, lambda uow: store.put_off(uow, due.payment, pause))


async def _ask(deps: PaymentDependencies, provider: Provider, due: Due) -> Charge:
    """A stray that cannot be given back keeps nothing else of its payment waiting: each has every second turn."""
    payment = due.payment
    pending = payment.wanted is not None or payment.state is PaymentState.PROCESSING
    if payment.stray_keys and (due.attempts % 2 == 0 or not pending):
        return await provider.void(payment.stray_keys[0])
    if payment.wanted is Wanted.CAPTURE:
        return await provider.capture(payment.charge_key)
    if payment.wanted is Wanted.VOID:
        return await provider.void(payment.charge_key)
    if _only_asked_about(payment):
        return await _found(provider, payment)
    return await _recover(deps, provider, payment)


def _only_asked_about(payment: Payment) -> bool:
    """News contradicted what a customer was told; nothing is to be done at the provider."""
    return payment.state is PaymentState.AUTHORIZED and payment.wanted is None


async def _found(provider: Provider, payment: Payment) -> Charge:
    """A provider that once authorised a charge and does not find it now has not given its last word."""
    charge = await provider.find(payment.charge_key)
    if charge is None:
        raise ProviderUnavailable("The provider does not find a charge that it authorised.")
    return charge


async def _recover(deps: PaymentDependencies, provider: Provider, payment: Payment) -> Charge:
    """A call that never arrived is made now, or forbidden for good when the time to pay has passed."""
    charge = await provider.find(payment.charge_key)
    if charge is not None:
        return charge
    if payment.pay_before <= deps.clock.now():
        return await provider.void(payment.charge_key)
    return await provider.authorize(payment.charge_key, payment.amount, payment.method or Method.OK)
