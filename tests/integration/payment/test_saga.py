"""What becomes of the money when the order is confirmed or falls through, each event delivered twice."""

from __future__ import annotations

import pytest

from amazonlite.common.core.money import Money
from amazonlite.payment.consumers import LOST
from amazonlite.payment.domain import Method, PaymentState
from amazonlite.payment.errors import PaymentAlreadyDecided
from amazonlite.payment.provider import ProviderUnavailable
from amazonlite.payment.read import sum_sale
from amazonlite.payment.store import SalePayments, StateSum
from support.payments import TOTAL, Crash, PaymentBench

ENDS = pytest.mark.parametrize("end", ["order.cancelled.v1", "order.timed-out.v1"])


async def test_a_confirmed_orders_money_is_taken_once(bench: PaymentBench) -> None:
    payment = await bench.confirmed()
    await bench.order_confirmed(payment)
    await bench.order_confirmed(payment)
    await bench.settle()

    assert (await bench.state(payment.payment_id), await bench.charge(payment.payment_id)) == ("CAPTURED", "CAPTURED")
    captured = (await bench.events(payment))[-1]
    assert captured.data == {"paymentId": payment.payment_id, "orderId": payment.order_id, "amount": TOTAL.as_dict()}
    assert await bench.kinds(payment) == ["payment.authorized.v1", "payment.captured.v1"]
    assert bench.provider.calls.count("capture") == 1


@ENDS
async def test_money_held_for_an_order_that_ended_is_given_back(bench: PaymentBench, end: str) -> None:
    payment = await bench.confirmed()
    await bench.happens(end, payment.order_id, reason="late", paymentId=payment.payment_id)
    await bench.settle()

    assert (await bench.state(payment.payment_id), await bench.charge(payment.payment_id)) == ("VOIDED", "VOIDED")
    assert await bench.kinds(payment) == ["payment.authorized.v1", "payment.voided.v1"]


@ENDS
async def test_a_payment_not_confirmed_yet_ends_with_its_order(bench: PaymentBench, end: str) -> None:
    payment_id = await bench.intent(bench.order())
    payment = await bench.payment(payment_id)
    await bench.happens(end, payment.order_id, reason="late")

    assert (await bench.state(payment_id), await bench.kinds(payment)) == ("CANCELLED", [])
    with pytest.raises(PaymentAlreadyDecided) as refused:
        await bench.confirm(payment_id)
    assert refused.value.extra["payment"]["state"] == "CANCELLED"
    assert bench.provider.calls == []


@ENDS
@pytest.mark.parametrize("arrived", [True, False])
async def test_an_order_that_ends_while_the_provider_is_called_holds_no_money(
    bench: PaymentBench, end: str, arrived: bool
) -> None:
    (bench.provider.after if arrived else bench.provider.before).append(Crash())
    payment = await bench.crashed_confirm()
    await bench.happens(end, payment.order_id, reason="late")
    await bench.settle()

    assert (await bench.state(payment.payment_id), await bench.charge(payment.payment_id)) == ("CANCELLED", "VOIDED")
    assert await bench.kinds(payment) == []


async def test_an_authorisation_that_arrives_after_the_end_is_given_back_and_told_to_nobody(
    bench: PaymentBench,
) -> None:
    """The order ends between the provider's answer and its record."""
    payment = await bench.confirmed(Method.ASYNC_OK)
    await bench.order_cancelled(payment.order_id)
    await bench.late_answers()
    assert await bench.state(payment.payment_id) == "CANCELLED"
    await bench.settle()

    assert (await bench.state(payment.payment_id), await bench.charge(payment.payment_id)) == ("CANCELLED", "VOIDED")
    assert await bench.kinds(payment) == []


async def test_a_webhook_that_a_void_overtook_changes_nothing(bench: PaymentBench) -> None:
    payment = await bench.confirmed(Method.ASYNC_OK)
    await bench.order_cancelled(payment.order_id)
    await bench.settle()
    await bench.late_answers()
    await bench.settle()

    assert (await bench.state(payment.payment_id), await bench.charge(payment.payment_id)) == ("CANCELLED", "VOIDED")
    assert await bench.kinds(payment) == []


async def test_a_failed_payment_stays_failed_when_its_order_is_cancelled(bench: PaymentBench) -> None:
    payment = await bench.failed()
    await bench.order_cancelled(payment.order_id, reason="payment_failed")
    await bench.settle()
    assert (await bench.state(payment.payment_id), await bench.kinds(payment)) == ("FAILED", ["payment.failed.v1"])


async def test_the_first_decision_about_the_money_stays(bench: PaymentBench) -> None:
    payment = await bench.confirmed()
    await bench.order_confirmed(payment)
    await bench.order_cancelled(payment.order_id)
    await bench.settle()
    await bench.order_cancelled(payment.order_id)
    await bench.settle()
    assert await bench.state(payment.payment_id) == "CAPTURED"


@pytest.mark.parametrize("where", ["before", "after"])
async def test_dying_around_a_capture_takes_the_money_once(bench: PaymentBench, where: str) -> None:
    payment = await bench.confirmed()
    await bench.order_confirmed(payment)
    getattr(bench.provider, where).append(Crash())
    await bench.settle()
    assert await bench.state(payment.payment_id) == "AUTHORIZED"

    await bench.after_a_while()
    assert (await bench.state(payment.payment_id), await bench.charge(payment.payment_id)) == ("CAPTURED", "CAPTURED")
    assert await bench.kinds(payment) == ["payment.authorized.v1", "payment.captured.v1"]


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_provider_that_is_away_is_asked_again_later(bench: PaymentBench, where: str) -> None:
    payment = await bench.confirmed()
    await bench.order_cancelled(payment.order_id)
    getattr(bench.provider, where).append(ProviderUnavailable("away"))
    await bench.settle()
    assert await bench.state(payment.payment_id) == "AUTHORIZED"

    await bench.after_a_while()
    assert await bench.state(payment.payment_id) == "VOIDED"
    assert await bench.kinds(payment) == ["payment.authorized.v1", "payment.voided.v1"]


async def test_news_of_orders_without_a_payment_is_no_error(bench: PaymentBench) -> None:
    await bench.happens("order.confirmed.v1", "ord_none", paymentId="pay_none", total=TOTAL.as_dict())
    await bench.order_cancelled("ord_none")
    await bench.order_cancelled("ord_none", reason="again")
    assert await bench.count("payment_intent") == 0


async def test_a_sale_is_summed_by_state(bench: PaymentBench) -> None:
    for method in (Method.OK, Method.OK, Method.DECLINED):
        await bench.confirm(await bench.intent(bench.order(sale_id="fs_1")), method)
    await bench.confirm(await bench.intent(bench.order(sale_id="fs_other")))

    books = await sum_sale(bench.deps, "fs_1")
    assert sorted(books.by_state, key=lambda item: item.state) == [
        StateSum(PaymentState.AUTHORIZED, 2, Money(2 * TOTAL.amount, "USD")),
        StateSum(PaymentState.REQUIRES_CONFIRMATION, 1, TOTAL),
    ]
    assert await sum_sale(bench.deps, "fs_none") == SalePayments([], 0)


@pytest.mark.parametrize(("reason", "lost"), [("customer_cancelled", 0), ("hold_expired", 1), ("payment_timeout", 1)])
async def test_an_authorised_payment_given_back_by_the_shop_is_counted_as_lost(
    bench: PaymentBench, reason: str, lost: int
) -> None:
    before = LOST._value.get()
    payment = await bench.confirm(await bench.intent(bench.order(sale_id="fs_1")))
    await bench.order_cancelled(payment.order_id, reason=reason)
    assert (await sum_sale(bench.deps, "fs_1")).lost == lost
    await bench.settle()
    assert await bench.state(payment.payment_id) == "VOIDED"
    assert (await sum_sale(bench.deps, "fs_1")).lost == lost
    assert LOST._value.get() - before == lost


@pytest.mark.parametrize(
    ("method", "charge"),
    [(Method.CAPTURE_REFUSED, "VOIDED"), (Method.CAPTURE_DECLINED, "DECLINED"), (Method.EXPIRES, "EXPIRED")],
)
async def test_a_provider_that_refuses_the_capture_gives_the_money_back_and_loses_no_order_of_ours(
    bench: PaymentBench, method: Method, charge: str
) -> None:
    payment = await bench.confirm(await bench.intent(bench.order(sale_id="fs_1")), method)
    await bench.order_confirmed(payment)
    await bench.settle()
    assert (await bench.state(payment.payment_id), await bench.charge(payment.payment_id)) == ("VOIDED", charge)
    assert (await bench.payment(payment.payment_id)).reason == "capture_refused"
    assert (await bench.events(payment))[-1].data["reason"] == "capture_refused"
    assert await bench.kinds(payment) == ["payment.authorized.v1", "payment.voided.v1"]
    await bench.order_cancelled(payment.order_id, reason="capture_refused")
    assert (await sum_sale(bench.deps, "fs_1")).lost == 0


async def test_an_order_closed_after_its_capture_is_counted_as_lost(bench: PaymentBench) -> None:
    payment = await bench.confirm(await bench.intent(bench.order(sale_id="fs_1")))
    await bench.order_confirmed(payment)
    await bench.settle()
    await bench.order_cancelled(payment.order_id, reason="hold_expired")
    assert (await bench.state(payment.payment_id), (await sum_sale(bench.deps, "fs_1")).lost) == ("CAPTURED", 1)


async def test_confirmed_and_closed_orders_of_a_group_each_get_their_due(bench: PaymentBench) -> None:
    paid = [await bench.confirmed() for _ in range(5)]
    orders = [payment.order_id for payment in paid]
    await bench.happen_together("order.confirmed.v1", orders[2::-1], paymentId="pay", total=TOTAL.as_dict())
    await bench.happen_together("order.cancelled.v1", [orders[4], "ord_none", orders[3]], reason="customer_cancelled")
    await bench.settle()
    states = [await bench.state(payment.payment_id) for payment in paid]
    assert states == ["CAPTURED"] * 3 + ["VOIDED"] * 2
