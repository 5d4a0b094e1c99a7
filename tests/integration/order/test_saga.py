"""Every branch of the saga, each event delivered twice."""

from __future__ import annotations

import pytest

from amazonlite.order.cancel import cancel_order
from amazonlite.order.confirm import confirm_order
from amazonlite.order.errors import OrderAlreadyDecided, OrderNotFound, OrderNotReady, PaymentNotAuthorized
from amazonlite.order.ports import PaymentFact
from support.orders import ALICE, BOB, OrderBench, held

USD = "USD"


async def paid(bench: OrderBench) -> str:
    order_id = await bench.reserved()
    await bench.happens("payment.authorized.v1", order_id, paymentId="pay_1", amount={"amount": 3998, "currency": USD})
    return order_id


async def test_a_paid_order_is_completed(bench: OrderBench) -> None:
    order_id = await paid(bench)
    await bench.happens("inventory.confirmed.v1", order_id, reservationId="res_1")
    await bench.happens("payment.captured.v1", order_id, paymentId="pay_1", amount={"amount": 3998, "currency": USD})

    total = {"amount": 3998, "currency": USD}
    parties = {"orderId": order_id, "customerId": ALICE.subject}
    assert [(event.type, event.data) for event in (await bench.events(order_id))[1:]] == [
        ("order.authorized.v1", {**parties, "paymentId": "pay_1"}),
        ("order.confirmed.v1", {**parties, "paymentId": "pay_1", "total": total}),
        ("order.completed.v1", {**parties, "total": total}),
    ]
    assert await bench.story(order_id) == [
        ("PENDING", True, "create"),
        ("RESERVED", True, "inventory.reserved.v1"),
        ("AUTHORIZED", True, "payment.authorized.v1"),
        ("CONFIRMED", True, "inventory.confirmed.v1"),
        ("COMPLETED", True, "payment.captured.v1"),
    ]


async def test_an_order_without_stock_is_rejected(bench: OrderBench) -> None:
    order_id = await bench.create()
    await bench.happens("inventory.rejected.v1", order_id, reason="insufficient_stock", sku="B01")

    order = await bench.order(order_id)
    assert (order.state, order.reason) == ("REJECTED", "insufficient_stock")
    assert await bench.kinds(order_id) == ["order.created.v1"]


async def test_a_failed_payment_cancels_the_order(bench: OrderBench) -> None:
    order_id = await bench.reserved()
    await bench.happens("payment.failed.v1", order_id, paymentId="pay_1", reason="card_declined")

    cancelled = (await bench.events(order_id))[-1]
    assert cancelled.type == "order.cancelled.v1"
    assert cancelled.data == {
        "orderId": order_id,
        "customerId": ALICE.subject,
        "reason": "payment_failed",
        "paymentId": "pay_1",
    }


async def test_a_refused_confirmation_cancels_the_paid_order(bench: OrderBench) -> None:
    order_id = await paid(bench)
    await bench.happens("inventory.confirmation-rejected.v1", order_id, reason="reservation_expired")

    cancelled = (await bench.events(order_id))[-1]
    assert cancelled.type == "order.cancelled.v1"
    assert (cancelled.data["reason"], cancelled.data["paymentId"]) == ("reservation_expired", "pay_1")


async def test_an_expired_reservation_times_the_order_out(bench: OrderBench) -> None:
    order_id = await bench.reserved()
    await bench.happens("inventory.expired.v1", order_id, reservationId="res_1")

    timed_out = (await bench.events(order_id))[-1]
    assert (timed_out.type, timed_out.data["reason"]) == ("order.timed-out.v1", "hold_expired")


async def test_a_reservation_that_comes_after_the_cancellation_changes_nothing(bench: OrderBench) -> None:
    order_id = await bench.create()
    await cancel_order(bench.deps, ALICE, order_id)
    await bench.happens("inventory.reserved.v1", order_id, **bench.reservation())

    assert await bench.state(order_id) == "CANCELLED"
    assert await bench.kinds(order_id) == ["order.created.v1", "order.cancelled.v1"]
    assert (await bench.story(order_id))[-1] == ("CANCELLED", False, "inventory.reserved.v1")


async def test_a_payment_that_comes_after_the_timeout_changes_nothing(bench: OrderBench) -> None:
    order_id = await bench.reserved()
    await bench.happens("inventory.expired.v1", order_id, reservationId="res_1")
    await bench.happens("payment.authorized.v1", order_id, paymentId="pay_1", amount={"amount": 3998, "currency": USD})

    assert await bench.state(order_id) == "TIMED_OUT"
    assert (await bench.story(order_id))[-1] == ("TIMED_OUT", False, "payment.authorized.v1")


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("inventory.reserved.v1", {"reservationId": "res_2", "expiresAt": "2031-01-01T00:00:00Z"}),
        ("inventory.rejected.v1", {"reason": "insufficient_stock"}),
        ("inventory.confirmed.v1", {"reservationId": "res_1"}),
        ("inventory.confirmation-rejected.v1", {"reason": "late"}),
        ("inventory.expired.v1", {"reservationId": "res_1"}),
        ("payment.authorized.v1", {"paymentId": "pay_2", "amount": {"amount": 1, "currency": USD}}),
        ("payment.failed.v1", {"paymentId": "pay_2", "reason": "card_declined"}),
        ("payment.captured.v1", {"paymentId": "pay_2", "amount": {"amount": 1, "currency": USD}}),
    ],
)
async def test_no_event_moves_a_cancelled_order(bench: OrderBench, kind: str, data: dict[str, object]) -> None:
    order_id = await bench.reserved()
    await cancel_order(bench.deps, ALICE, order_id)
    await bench.happens(kind, order_id, **data)

    order = await bench.order(order_id)
    assert (order.state, order.reason) == ("CANCELLED", "customer_cancelled")
    assert await bench.kinds(order_id) == ["order.created.v1", "order.cancelled.v1"]


async def test_cancelling_twice_gives_the_same_order(bench: OrderBench) -> None:
    order_id = await bench.reserved()
    first = await cancel_order(bench.deps, ALICE, order_id)
    assert await cancel_order(bench.deps, ALICE, order_id) == first


async def test_cancelling_a_paid_order_is_refused_with_the_order(bench: OrderBench) -> None:
    order_id = await paid(bench)
    with pytest.raises(OrderAlreadyDecided) as refused:
        await cancel_order(bench.deps, ALICE, order_id)
    assert refused.value.extra["order"]["state"] == "AUTHORIZED"
    assert refused.value.extra["order"]["paymentId"] == "pay_1"


async def test_confirming_authorizes_and_the_payments_own_event_adds_nothing(bench: OrderBench) -> None:
    order_id = await bench.reserved()
    bench.payments.known.update(held("pay_1", order_id))
    first = await confirm_order(bench.deps, ALICE, order_id, "pay_1")
    await bench.happens("payment.authorized.v1", order_id, paymentId="pay_1", amount={"amount": 3998, "currency": USD})

    assert await confirm_order(bench.deps, ALICE, order_id, "pay_1") == first
    assert await bench.kinds(order_id) == ["order.created.v1", "order.authorized.v1"]
    assert len(await bench.story(order_id)) == 3


async def test_confirming_needs_money_held_for_this_very_order(bench: OrderBench) -> None:
    order_id = await bench.reserved()
    bench.payments.known.update(held("pay_other", "ord_other"))
    bench.payments.known["pay_open"] = PaymentFact("pay_open", order_id, held=False)
    for payment_id in ("pay_other", "pay_open", "pay_none"):
        with pytest.raises(PaymentNotAuthorized):
            await confirm_order(bench.deps, ALICE, order_id, payment_id)
    assert await bench.state(order_id) == "RESERVED"


async def test_confirming_what_is_not_reserved_yet_asks_for_patience(bench: OrderBench) -> None:
    with pytest.raises(OrderNotReady) as refused:
        await confirm_order(bench.deps, ALICE, await bench.create(), "pay_1")
    assert refused.value.headers["Retry-After"] == "1"


async def test_confirming_a_cancelled_order_is_refused_with_the_order(bench: OrderBench) -> None:
    order_id = await bench.reserved()
    await cancel_order(bench.deps, ALICE, order_id)
    with pytest.raises(OrderAlreadyDecided) as refused:
        await confirm_order(bench.deps, ALICE, order_id, "pay_1")
    assert refused.value.extra["order"]["state"] == "CANCELLED"


async def test_strangers_learn_nothing(bench: OrderBench) -> None:
    order_id = await bench.reserved()
    with pytest.raises(OrderNotFound):
        await cancel_order(bench.deps, BOB, order_id)
    with pytest.raises(OrderNotFound):
        await confirm_order(bench.deps, BOB, order_id, "pay_1")


@pytest.mark.parametrize("confirmed", [True, False])
async def test_an_order_whose_money_the_provider_gave_back_is_cancelled(bench: OrderBench, confirmed: bool) -> None:
    order_id = await bench.reserved()
    amount = {"amount": 3998, "currency": "USD"}
    await bench.happens("payment.authorized.v1", order_id, paymentId="pay_1", amount=amount)
    if confirmed:
        await bench.happens("inventory.confirmed.v1", order_id, reservationId="res_1", paymentId="pay_1")
    await bench.happens("payment.voided.v1", order_id, paymentId="pay_1", amount=amount)
    order = await bench.order(order_id)
    assert (order.state, order.reason) == ("CANCELLED", "capture_refused")
    assert (await bench.kinds(order_id))[-1] == "order.cancelled.v1"


async def test_goods_that_are_sold_confirm_an_order_that_has_not_heard_of_its_payment(bench: OrderBench) -> None:
    order_id = await bench.reserved()
    await bench.happens("inventory.confirmed.v1", order_id, reservationId="res_1", paymentId="pay_1")
    amount = {"amount": 3998, "currency": "USD"}
    await bench.happens("payment.authorized.v1", order_id, paymentId="pay_1", amount=amount)
    order = await bench.order(order_id)
    assert (order.state, order.payment_id) == ("CONFIRMED", "pay_1")
    assert [cause for _, _, cause in await bench.story(order_id)][-1] == "inventory.confirmed.v1"


async def test_goods_sold_without_a_payment_confirm_nothing(bench: OrderBench) -> None:
    order_id = await bench.reserved()
    await bench.happens("inventory.confirmed.v1", order_id, reservationId="res_1")
    assert await bench.state(order_id) == "RESERVED"
