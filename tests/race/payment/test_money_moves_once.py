"""Whatever reaches a payment at the same moment, money is held once, and then taken or given back, never both."""

from __future__ import annotations

import asyncio

import pytest

from amazonlite.payment.domain import Method, Payment
from amazonlite.payment.errors import OrderNotPayable, PaymentAlreadyDecided
from amazonlite.payment.follow_up import follow_up_due
from support.payments import PaymentBench

ROUNDS = 8


async def confirmed_state(bench: PaymentBench, payment_id: str, method: Method = Method.OK) -> str:
    try:
        return str((await bench.confirm(payment_id, method)).state)
    except PaymentAlreadyDecided as refused:
        return str(refused.extra["payment"]["state"])


async def test_many_confirmations_are_one_charge(bench: PaymentBench) -> None:
    payment_id = await bench.intent(bench.order())
    states = await asyncio.gather(*(confirmed_state(bench, payment_id) for _ in range(10)))

    assert set(states) == {"AUTHORIZED"}
    assert await bench.kinds(await bench.payment(payment_id)) == ["payment.authorized.v1"]
    assert await bench.count("provider_charge") == 1


async def test_two_methods_at_once_are_one_charge_with_the_winners_method(bench: PaymentBench) -> None:
    for _ in range(ROUNDS):
        payment_id = await bench.intent(bench.order())
        await asyncio.gather(
            bench.confirm(payment_id, Method.OK, key="k1"),
            bench.confirm(payment_id, Method.DECLINED, key="k2"),
            return_exceptions=True,
        )
        payment = await bench.payment(payment_id)
        assert (payment.method, payment.state) in {
            (Method.OK, "AUTHORIZED"),
            (Method.DECLINED, "REQUIRES_CONFIRMATION"),
            (Method.OK, "AUTHORIZED"),
        }


async def test_many_intents_are_one(bench: PaymentBench) -> None:
    order_id = bench.order()
    assert len(set(await asyncio.gather(*(bench.intent(order_id) for _ in range(8))))) == 1
    assert await bench.count("payment_intent") == 1


@pytest.mark.parametrize("method", [Method.OK, Method.ASYNC_OK, Method.TIMEOUT])
async def test_an_order_that_ends_while_it_is_paid_keeps_no_money(bench: PaymentBench, method: Method) -> None:
    for _ in range(ROUNDS):
        payment = await bench.payment(await bench.intent(bench.order()))
        await asyncio.gather(
            confirmed_state(bench, payment.payment_id, method),
            bench.order_cancelled(payment.order_id),
            follow_up_due(bench.deps),
            bench.late_answers(),
            follow_up_due(bench.deps),
        )
        await bench.after_a_while()
        await bench.late_answers()
        await bench.after_a_while()
        await assert_nothing_held(bench, payment)


async def assert_nothing_held(bench: PaymentBench, payment: Payment) -> None:
    assert await bench.charge(payment.payment_id) in {"", "VOIDED"}
    state, kinds = await bench.state(payment.payment_id), await bench.kinds(payment)
    assert (state, kinds) in [("CANCELLED", []), ("VOIDED", ["payment.authorized.v1", "payment.voided.v1"])]


async def test_an_order_that_ends_while_its_payment_is_opened_leaves_none_open(bench: PaymentBench) -> None:
    for _ in range(ROUNDS):
        order_id = bench.order()
        opened, _closed = await asyncio.gather(
            bench.intent(order_id), bench.order_cancelled(order_id), return_exceptions=True
        )
        if isinstance(opened, str):
            assert await bench.state(opened) == "CANCELLED"
        else:
            assert isinstance(opened, OrderNotPayable)


async def test_many_workers_capture_once(bench: PaymentBench) -> None:
    payments = [await bench.confirmed() for _ in range(10)]
    for payment in payments:
        await bench.order_confirmed(payment)
    while sum(await asyncio.gather(*(follow_up_due(bench.deps, batch=4) for _ in range(4)))):
        pass

    for payment in payments:
        assert await bench.kinds(payment) == ["payment.authorized.v1", "payment.captured.v1"]
        assert await bench.charge(payment.payment_id) == "CAPTURED"


async def test_the_same_webhook_at_once_counts_once(bench: PaymentBench) -> None:
    payment = await bench.confirmed(Method.ASYNC_OK)
    payload = f'{{"id": "pwh_1", "key": "{payment.payment_id}", "state": "AUTHORIZED"}}'.encode()
    await asyncio.gather(*(bench.webhook(payload) for _ in range(8)))
    assert await bench.kinds(payment) == ["payment.authorized.v1"]
