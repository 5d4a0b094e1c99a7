"""Sealing decides for good whether an order is paid."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from amazonlite.common.core.money import Money
from amazonlite.payment import store
from amazonlite.payment.confirm import confirm_payment
from amazonlite.payment.domain import Method
from amazonlite.payment.errors import OrderNotPayable, PaymentAlreadyDecided
from amazonlite.payment.provider import Charge, ProviderUnavailable
from amazonlite.payment.seal import Sealed, seal_orders
from support.payments import ALICE, PaymentBench

AUTHORIZED_STATES = {"AUTHORIZED", "CAPTURED"}


async def sealed(bench: PaymentBench, *order_ids: str) -> Sealed:
    """Asked twice, as when the first answer is lost: the same is said."""
    first = await seal_orders(bench.deps, order_ids)
    assert await seal_orders(bench.deps, order_ids) == first
    return first


async def test_an_order_without_a_payment_never_gets_one_after_it(bench: PaymentBench) -> None:
    order_id = bench.order()
    assert (await sealed(bench, order_id)) == Sealed([order_id], {})
    with pytest.raises(OrderNotPayable):
        await bench.intent(order_id)


async def test_an_unconfirmed_payment_is_cancelled(bench: PaymentBench) -> None:
    order_id = bench.order()
    payment_id = await bench.intent(order_id)
    assert (await sealed(bench, order_id)).closed == [order_id]
    with pytest.raises(PaymentAlreadyDecided):
        await bench.confirm(payment_id)
    assert await bench.state(payment_id) == "CANCELLED"
    assert await bench.charge(payment_id) == ""


async def test_an_authorised_order_is_named_with_its_payment_and_kept(bench: PaymentBench) -> None:
    payment = await bench.confirmed()
    assert (await sealed(bench, payment.order_id)) == Sealed([], {payment.order_id: payment.payment_id})
    await bench.order_confirmed(payment)
    assert (await sealed(bench, payment.order_id)).authorized == {payment.order_id: payment.payment_id}
    await bench.settle()
    assert await bench.state(payment.payment_id) == "CAPTURED"
    assert (await sealed(bench, payment.order_id)).authorized == {payment.order_id: payment.payment_id}


async def test_an_order_that_its_customer_cancelled_is_not_paid_any_more(bench: PaymentBench) -> None:
    payment = await bench.confirmed()
    await bench.order_cancelled(payment.order_id)
    assert (await sealed(bench, payment.order_id)).closed == [payment.order_id]
    await bench.settle()
    assert (await sealed(bench, payment.order_id)).closed == [payment.order_id]


async def test_a_declined_payment_is_closed(bench: PaymentBench) -> None:
    payment = await bench.confirmed(Method.DECLINED)
    assert (await sealed(bench, payment.order_id)).closed == [payment.order_id]


async def test_a_provider_that_answers_after_the_seal_authorises_nothing_and_keeps_no_money(
    bench: PaymentBench,
) -> None:
    payment = await bench.confirmed(Method.ASYNC_OK)
    assert (await sealed(bench, payment.order_id)).closed == [payment.order_id]
    assert await bench.late_answers() == 1
    assert await bench.state(payment.payment_id) not in AUTHORIZED_STATES
    await bench.settle()
    assert (await bench.state(payment.payment_id), await bench.charge(payment.payment_id)) == ("CANCELLED", "VOIDED")
    assert await bench.kinds(payment) == []


async def test_a_call_whose_answer_was_lost_is_closed_and_its_money_given_back(bench: PaymentBench) -> None:
    bench.provider.after.append(ProviderUnavailable("lost"))
    payment = await bench.confirmed()
    assert (payment.state, await bench.charge(payment.payment_id)) == ("PROCESSING", "AUTHORIZED")
    assert (await sealed(bench, payment.order_id)).closed == [payment.order_id]
    await bench.settle()
    assert (await bench.state(payment.payment_id), await bench.charge(payment.payment_id)) == ("CANCELLED", "VOIDED")


async def test_many_orders_are_decided_at_once(bench: PaymentBench) -> None:
    paid = [await bench.confirmed() for _ in range(3)]
    unpaid = [bench.order() for _ in range(3)]
    for order_id in unpaid[:2]:
        await bench.intent(order_id)
    answer = await sealed(bench, *unpaid, *(payment.order_id for payment in paid))
    assert sorted(answer.closed) == sorted(unpaid)
    assert answer.authorized == {payment.order_id: payment.payment_id for payment in paid}


async def test_a_provider_that_puts_its_answer_off_after_the_seal_is_told_to_keep_nothing(bench: PaymentBench) -> None:
    """Its PENDING answer travels while the order is sealed, and its webhook never comes."""
    payment_id = await bench.intent(bench.order())
    order_id = (await bench.payment(payment_id)).order_id

    class SealedMeanwhile:
        async def authorize(self, key: str, amount: Money, method: Method) -> Charge:
            charge = await bench.provider.authorize(key, amount, method)
            await seal_orders(bench.deps, [order_id])
            return charge

    deps = replace(bench.deps, provider=SealedMeanwhile())
    told = await confirm_payment(deps, ALICE, payment_id, Method.ASYNC_OK, key="k")
    assert told.state == "CANCELLED"
    await bench.settle()
    assert await bench.charge(payment_id) == "VOIDED"


async def test_a_seal_waits_for_no_payment_of_another_order(bench: PaymentBench) -> None:
    locked = await bench.confirmed()
    others = [bench.order() for _ in range(100)]
    for order_id in others:
        await bench.intent(order_id)
    async with bench.deps.transactions() as uow:
        await store.lock(uow, locked.payment_id)
        async with asyncio.timeout(5):
            answer = await seal_orders(bench.deps, others)
    assert sorted(answer.closed) == sorted(others)
