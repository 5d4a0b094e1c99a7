"""Webhooks are believed when signed, taken once, and never lost."""

from __future__ import annotations

import json

import pytest

from amazonlite.payment.domain import Method
from amazonlite.payment.errors import SignatureInvalid, WebhookMalformed
from amazonlite.payment.signature import sign
from amazonlite.payment.simulated.answer import LateAnswers
from amazonlite.payment.webhook import take_webhook
from support.payments import PaymentBench, told


async def test_an_event_id_counts_once_even_if_its_content_differs(bench: PaymentBench) -> None:
    payment = await bench.confirmed(Method.ASYNC_OK)
    await bench.webhook(told("pwh_1", payment.payment_id, "PENDING"))
    await bench.webhook(told("pwh_1", payment.payment_id, "AUTHORIZED"))
    assert await bench.state(payment.payment_id) == "PROCESSING"


async def test_a_card_declined_without_a_word_still_has_a_reason(bench: PaymentBench) -> None:
    payment = await bench.confirmed(Method.ASYNC_DECLINED)
    await bench.webhook(told("pwh_1", payment.payment_id, "DECLINED"))
    assert (await bench.payment(payment.payment_id)).reason == "declined"


@pytest.mark.parametrize("news", ["DECLINED", "EXPIRED", "VOIDED"])
async def test_an_authorised_payment_is_taken_back_only_by_the_providers_answer(bench: PaymentBench, news: str) -> None:
    payment = await bench.confirmed()
    await bench.webhook(told("pwh_late", payment.payment_id, news))
    await bench.settle()
    assert await bench.state(payment.payment_id) == "AUTHORIZED", "the charge itself holds the money"

    await bench.write(f"UPDATE provider_charge SET state = '{news}'")  # noqa: S608
    await bench.webhook(told("pwh_true", payment.payment_id, news))
    await bench.settle()
    voided = await bench.payment(payment.payment_id)
    assert (voided.state, voided.reason) == ("VOIDED", "capture_refused")
    assert await bench.kinds(payment) == ["payment.authorized.v1", "payment.voided.v1"]


async def test_a_charge_that_the_provider_does_not_find_for_once_is_not_voided(bench: PaymentBench) -> None:
    payment = await bench.confirmed()
    bench.clock.advance(3600)  # the time to pay has passed, so that a call that never arrived would be forbidden now
    await bench.write("UPDATE provider_charge SET charge_key = CONCAT('hidden-', charge_key)")
    await bench.webhook(told("pwh_late", payment.payment_id, "DECLINED"))
    await bench.settle()
    await bench.write("UPDATE provider_charge SET charge_key = SUBSTRING(charge_key, 8)")
    await bench.after_a_while()
    assert await bench.state(payment.payment_id) == "AUTHORIZED"
    assert "void" not in bench.provider.calls


async def test_news_that_the_provider_denies_is_asked_about_ever_more_seldom(bench: PaymentBench) -> None:
    payment = await bench.confirmed()
    await bench.webhook(told("pwh_late", payment.payment_id, "DECLINED"))
    await bench.settle()
    asked = bench.provider.calls.count("find")
    await bench.settle()
    assert bench.provider.calls.count("find") == asked == 1
    await bench.order_confirmed(payment)
    await bench.settle()
    assert await bench.state(payment.payment_id) == "CAPTURED"


async def test_old_news_does_not_end_a_void_that_is_due(bench: PaymentBench) -> None:
    payment = await bench.confirmed()
    await bench.order_cancelled(payment.order_id)
    await bench.webhook(told("pwh_late", payment.payment_id, "DECLINED"))
    await bench.settle()
    assert (await bench.state(payment.payment_id), await bench.charge(payment.payment_id)) == ("VOIDED", "VOIDED")


async def test_an_unsigned_webhook_changes_nothing(bench: PaymentBench) -> None:
    payment = await bench.confirmed(Method.ASYNC_OK)
    payload = told("pwh_1", payment.payment_id, "AUTHORIZED")
    with pytest.raises(SignatureInvalid):
        await take_webhook(bench.deps, payload, sign(b"guessed", payload, bench.clock.now()))
    assert await bench.state(payment.payment_id) == "PROCESSING"
    await bench.webhook(payload)
    assert await bench.state(payment.payment_id) == "AUTHORIZED"


@pytest.mark.parametrize(
    "payload", [b"", b"{}", b"[1]", told("pwh_1", "pay_1", "PERHAPS"), told("", "pay_1", "VOIDED")]
)
async def test_a_signed_webhook_that_says_nothing_is_refused(bench: PaymentBench, payload: bytes) -> None:
    with pytest.raises(WebhookMalformed):
        await bench.webhook(payload)


async def test_news_of_a_payment_we_never_made_is_received_and_forgotten(bench: PaymentBench) -> None:
    assert await bench.webhook(told("pwh_1", "pay_unknown", "AUTHORIZED"))
    assert await bench.count("outbox") == 0


async def test_the_provider_tells_again_until_somebody_listens(bench: PaymentBench) -> None:
    payment = await bench.confirmed(Method.ASYNC_OK)
    await bench.write("UPDATE provider_charge SET due_at = UTC_TIMESTAMP(6)")
    heard: list[bytes] = []

    async def deaf(payload: bytes) -> bool:
        heard.append(payload)
        return False

    assert await LateAnswers(bench.deps.transactions, deaf).answer_due() == 1
    assert await bench.late_answers() == 1
    assert await bench.state(payment.payment_id) == "AUTHORIZED"
    assert json.loads(heard[0])["state"] == "AUTHORIZED"
