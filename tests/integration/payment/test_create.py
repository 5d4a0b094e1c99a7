"""Opening a payment: its amount, its order's state, and one an order."""

from __future__ import annotations

import pytest

from amazonlite.common.core.money import Money
from amazonlite.common.data.idempotency import IdempotencyKeyReused
from amazonlite.payment.domain import PaymentState
from amazonlite.payment.errors import OrderNotPayable, OrderNotReady
from support.payments import ALICE, BOB, PaymentBench


async def test_an_intent_is_over_exactly_the_orders_total(bench: PaymentBench) -> None:
    order_id = bench.order(total=Money(123_456_789_012, "JPY"), sale_id="fs_1")
    status, _, body = await bench.answer(order_id)

    assert status == 201
    payment = await bench.payment(body["paymentId"])
    assert (payment.state, payment.amount) == (PaymentState.REQUIRES_CONFIRMATION, Money(123_456_789_012, "JPY"))
    assert (payment.order_id, payment.sale_id, payment.customer_id) == (order_id, "fs_1", ALICE.subject)


async def test_the_same_key_gives_the_same_answer_though_the_order_moved_on(bench: PaymentBench) -> None:
    order_id = bench.order()
    _, _, first = await bench.answer(order_id, key="k1")
    bench.set_order(order_id, "CANCELLED")
    assert await bench.answer(order_id, key="k1") == (201, True, first)


async def test_another_key_finds_the_orders_one_payment(bench: PaymentBench) -> None:
    order_id = bench.order()
    _, _, first = await bench.answer(order_id, key="k1")
    status, _, other = await bench.answer(order_id, key="k2")
    assert (status, other["paymentId"]) == (200, first["paymentId"])


async def test_the_same_key_for_another_order_is_refused(bench: PaymentBench) -> None:
    await bench.intent(bench.order(), key="k1")
    with pytest.raises(IdempotencyKeyReused):
        await bench.intent(bench.order(), key="k1")


async def test_an_order_that_is_not_there_yet_asks_for_patience_and_the_key_stays_good(bench: PaymentBench) -> None:
    order_id = bench.order("PENDING")
    with pytest.raises(OrderNotReady) as refused:
        await bench.intent(order_id, key="k1")
    assert refused.value.headers["Retry-After"] == "1"
    with pytest.raises(OrderNotReady):
        await bench.intent("ord_unknown")

    bench.set_order(order_id, "RESERVED")
    assert await bench.intent(order_id, key="k1")


async def test_a_strangers_order_looks_like_none(bench: PaymentBench) -> None:
    with pytest.raises(OrderNotReady):
        await bench.intent(bench.order(), viewer=BOB)


@pytest.mark.parametrize("state", ["AUTHORIZED", "CONFIRMED", "COMPLETED", "REJECTED", "CANCELLED", "TIMED_OUT"])
async def test_an_order_past_paying_gets_no_payment(bench: PaymentBench, state: str) -> None:
    with pytest.raises(OrderNotPayable):
        await bench.intent(bench.order(state))
    assert await bench.count("payment_intent") == 0


async def test_an_order_whose_time_to_pay_has_passed_gets_no_payment(bench: PaymentBench) -> None:
    order_id = bench.order()
    bench.clock.advance(15 * 60)
    with pytest.raises(OrderNotPayable):
        await bench.intent(order_id)


@pytest.mark.parametrize("kind", ["order.cancelled.v1", "order.timed-out.v1"])
async def test_news_of_the_orders_end_that_came_first_forbids_its_payment(bench: PaymentBench, kind: str) -> None:
    order_id = bench.order()
    await bench.happens(kind, order_id, reason="customer_cancelled")
    with pytest.raises(OrderNotPayable):
        await bench.intent(order_id)
    assert await bench.count("payment_intent") == 0
