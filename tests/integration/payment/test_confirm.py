"""Confirming a payment with each method, again, and with the process dying at each step."""

from __future__ import annotations

import pytest

from amazonlite.common.data.idempotency import IdempotencyKeyReused
from amazonlite.payment.confirm import confirm_payment
from amazonlite.payment.domain import Method
from amazonlite.payment.errors import OrderNotPayable, PaymentAlreadyDecided, PaymentNotFound
from amazonlite.payment.provider import ProviderUnavailable
from support.payments import BOB, TOTAL, Crash, PaymentBench


async def test_a_good_card_holds_the_money(bench: PaymentBench) -> None:
    payment = await bench.confirmed(Method.OK)

    assert (payment.state, await bench.charge(payment.payment_id)) == ("AUTHORIZED", "AUTHORIZED")
    (authorized,) = await bench.events(payment)
    assert authorized.type == "payment.authorized.v1"
    assert authorized.data == {
        "paymentId": payment.payment_id,
        "orderId": payment.order_id,
        "amount": TOTAL.as_dict(),
    }


async def test_a_payment_that_was_declined_too_often_has_failed_for_good(bench: PaymentBench) -> None:
    payment = await bench.failed()

    assert (payment.state, payment.reason, payment.attempts_left) == ("FAILED", "card_declined", 0)
    (failed,) = await bench.events(payment)
    assert (failed.type, failed.data["reason"]) == ("payment.failed.v1", "card_declined")
    with pytest.raises(PaymentAlreadyDecided) as refused:
        await bench.confirm(payment.payment_id, Method.OK, key="another")
    assert refused.value.extra["payment"]["state"] == "FAILED"


@pytest.mark.parametrize(
    ("method", "state", "kinds"),
    [
        (Method.ASYNC_OK, "AUTHORIZED", ["payment.authorized.v1"]),
        (Method.ASYNC_DECLINED, "REQUIRES_CONFIRMATION", []),
    ],
)
async def test_an_answer_by_webhook_counts_once(
    bench: PaymentBench, method: Method, state: str, kinds: list[str]
) -> None:
    payment = await bench.confirmed(method)
    assert payment.state == "PROCESSING"

    assert await bench.late_answers() == 1
    assert await bench.late_answers() == 0
    assert await bench.state(payment.payment_id) == state
    assert await bench.kinds(payment) == kinds


async def test_a_webhook_that_got_lost_is_made_up_for_by_asking(bench: PaymentBench) -> None:
    payment = await bench.confirmed(Method.ASYNC_OK)
    await bench.write("UPDATE provider_charge SET state = 'AUTHORIZED', due_at = NULL")
    await bench.after_a_while()
    assert await bench.state(payment.payment_id) == "AUTHORIZED"


async def test_a_lost_answer_leaves_the_payment_processing_until_the_provider_is_asked(bench: PaymentBench) -> None:
    payment = await bench.confirmed(Method.TIMEOUT)
    assert (payment.state, await bench.kinds(payment)) == ("PROCESSING", [])

    await bench.after_a_while()
    assert await bench.state(payment.payment_id) == "AUTHORIZED"
    assert await bench.kinds(payment) == ["payment.authorized.v1"]
    assert bench.provider.calls == ["authorize", "find"]


async def test_the_same_command_again_finishes_what_the_first_left_open(bench: PaymentBench) -> None:
    payment = await bench.confirmed(Method.TIMEOUT)
    again = await bench.confirm(payment.payment_id, Method.TIMEOUT)
    assert again.state == "AUTHORIZED"
    assert await bench.confirm(payment.payment_id, Method.TIMEOUT) == again
    assert await bench.kinds(payment) == ["payment.authorized.v1"]
    assert await bench.count("provider_charge") == 1


async def test_a_key_stands_for_one_method(bench: PaymentBench) -> None:
    payment = await bench.confirmed(Method.OK)
    with pytest.raises(IdempotencyKeyReused):
        await bench.confirm(payment.payment_id, Method.DECLINED)


async def test_strangers_find_no_payment(bench: PaymentBench) -> None:
    payment_id = await bench.intent(bench.order())
    with pytest.raises(PaymentNotFound):
        await confirm_payment(bench.deps, BOB, payment_id, Method.OK, key="k1")


async def test_no_money_is_asked_for_after_the_time_to_pay(bench: PaymentBench) -> None:
    payment_id = await bench.intent(bench.order())
    bench.clock.advance(15 * 60)
    with pytest.raises(OrderNotPayable):
        await bench.confirm(payment_id)
    assert bench.provider.calls == []


async def test_dying_before_the_provider_is_called_only_delays(bench: PaymentBench) -> None:
    bench.provider.before.append(Crash())
    payment = await bench.crashed_confirm()
    assert (payment.state, await bench.charge(payment.payment_id)) == ("PROCESSING", "")

    await bench.settle()
    assert await bench.state(payment.payment_id) == "PROCESSING", "a call may still be under way"
    await bench.after_a_while()
    assert await bench.state(payment.payment_id) == "AUTHORIZED"
    assert await bench.kinds(payment) == ["payment.authorized.v1"]


async def test_dying_after_the_provider_answered_only_delays(bench: PaymentBench) -> None:
    bench.provider.after.append(Crash())
    payment = await bench.crashed_confirm()
    assert (payment.state, await bench.charge(payment.payment_id)) == ("PROCESSING", "AUTHORIZED")

    await bench.after_a_while()
    assert await bench.state(payment.payment_id) == "AUTHORIZED"
    assert await bench.kinds(payment) == ["payment.authorized.v1"]
    assert bench.provider.calls == ["authorize", "find"]


async def test_dying_before_the_call_and_waking_after_the_deadline_charges_nobody(bench: PaymentBench) -> None:
    bench.provider.before.append(Crash())
    payment = await bench.crashed_confirm()
    bench.clock.advance(15 * 60)
    await bench.after_a_while()

    assert (await bench.state(payment.payment_id), await bench.charge(payment.payment_id)) == ("CANCELLED", "VOIDED")
    assert await bench.kinds(payment) == []


async def test_a_provider_that_is_away_leaves_the_payment_processing(bench: PaymentBench) -> None:
    bench.provider.before += [ProviderUnavailable("away"), ProviderUnavailable("still away")]
    payment = await bench.confirmed()
    assert payment.state == "PROCESSING"
    await bench.after_a_while()
    assert await bench.state(payment.payment_id) == "PROCESSING"
    await bench.after_a_while()
    assert await bench.state(payment.payment_id) == "AUTHORIZED"
