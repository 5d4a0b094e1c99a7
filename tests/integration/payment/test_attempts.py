"""A declined card is not the end: another may follow in time, and one charge at most holds money."""

from __future__ import annotations

import pytest

from amazonlite.common.data.idempotency import IdempotencyKeyReused
from amazonlite.payment import store
from amazonlite.payment.domain import MOST_ATTEMPTS, ChargeState, Method, Payment
from amazonlite.payment.errors import OrderNotPayable, PaymentAlreadyDecided
from amazonlite.payment.follow_up import follow_up_due
from amazonlite.payment.provider import Charge
from amazonlite.payment.record import record_answer
from amazonlite.payment.seal import seal_orders
from support.payments import Crash, PaymentBench, told


async def charges(bench: PaymentBench, payment: Payment) -> list[str]:
    """The states of the payment's charges, the first attempt's first."""
    keys = [payment.payment_id, *(f"{payment.payment_id}.{n}" for n in range(2, MOST_ATTEMPTS + 1))]
    return [state for key in keys if (state := await bench.charge(key))]


async def test_another_card_pays_after_a_decline(bench: PaymentBench) -> None:
    declined = await bench.confirmed(Method.DECLINED)
    assert (declined.state, declined.reason) == ("REQUIRES_CONFIRMATION", "card_declined")
    assert declined.attempts_left == MOST_ATTEMPTS - 1
    assert await bench.kinds(declined) == []

    paid = await bench.confirm(declined.payment_id, Method.OK, key="another")
    assert (paid.state, paid.method, paid.reason) == ("AUTHORIZED", Method.OK, "")
    assert await charges(bench, paid) == ["DECLINED", "AUTHORIZED"]
    assert await bench.kinds(paid) == ["payment.authorized.v1"]


async def test_the_money_of_the_second_attempt_is_taken(bench: PaymentBench) -> None:
    declined = await bench.confirmed(Method.DECLINED)
    paid = await bench.confirm(declined.payment_id, Method.OK, key="another")
    await bench.order_confirmed(paid)
    await bench.settle()
    assert await bench.state(paid.payment_id) == "CAPTURED"
    assert await charges(bench, paid) == ["DECLINED", "CAPTURED"]
    assert not (await bench.payment(paid.payment_id)).lost


async def test_the_money_of_the_second_attempt_is_given_back(bench: PaymentBench) -> None:
    declined = await bench.confirmed(Method.ASYNC_DECLINED)
    await bench.late_answers()
    paid = await bench.confirm(declined.payment_id, Method.OK, key="another")
    await bench.order_cancelled(paid.order_id)
    await bench.settle()
    assert await bench.state(paid.payment_id) == "VOIDED"
    assert await charges(bench, paid) == ["DECLINED", "VOIDED"]


async def test_the_same_command_again_is_no_second_attempt(bench: PaymentBench) -> None:
    declined = await bench.confirmed(Method.DECLINED)
    assert await bench.confirm(declined.payment_id, Method.DECLINED) == declined
    with pytest.raises(IdempotencyKeyReused):
        await bench.confirm(declined.payment_id, Method.OK)
    paid = await bench.confirm(declined.payment_id, Method.OK, key="another")
    assert await bench.confirm(declined.payment_id, Method.DECLINED) == paid
    assert await charges(bench, paid) == ["DECLINED", "AUTHORIZED"]


async def test_the_first_command_again_while_the_second_is_tried_finishes_the_second(bench: PaymentBench) -> None:
    declined = await bench.confirmed(Method.DECLINED)
    bench.provider.before.append(Crash())
    with pytest.raises(Crash):
        await bench.confirm(declined.payment_id, Method.OK, key="another")
    again = await bench.confirm(declined.payment_id, Method.DECLINED)
    assert (again.state, again.method) == ("AUTHORIZED", Method.OK)
    assert await charges(bench, again) == ["DECLINED", "AUTHORIZED"]


async def test_the_same_card_may_be_tried_again(bench: PaymentBench) -> None:
    declined = await bench.confirmed(Method.DECLINED)
    again = await bench.confirm(declined.payment_id, Method.DECLINED, key="after a call to the bank")
    assert again.attempts_left == MOST_ATTEMPTS - 2


async def test_no_method_is_tried_while_another_is(bench: PaymentBench) -> None:
    pending = await bench.confirmed(Method.ASYNC_DECLINED)
    with pytest.raises(PaymentAlreadyDecided):
        await bench.confirm(pending.payment_id, Method.OK, key="another")
    await bench.late_answers()
    assert (await bench.confirm(pending.payment_id, Method.OK, key="another")).state == "AUTHORIZED"


async def test_no_card_is_tried_after_the_time_to_pay(bench: PaymentBench) -> None:
    declined = await bench.confirmed(Method.DECLINED)
    bench.clock.advance(15 * 60)
    with pytest.raises(OrderNotPayable):
        await bench.confirm(declined.payment_id, Method.OK, key="another")


async def test_a_declined_payment_that_was_sealed_takes_no_other_card(bench: PaymentBench) -> None:
    declined = await bench.confirmed(Method.DECLINED)
    assert list((await seal_orders(bench.deps, [declined.order_id])).closed) == [declined.order_id]
    with pytest.raises(PaymentAlreadyDecided):
        await bench.confirm(declined.payment_id, Method.OK, key="another")
    assert await bench.state(declined.payment_id) == "CANCELLED"


async def test_a_decline_that_a_seal_overtook_opens_nothing(bench: PaymentBench) -> None:
    pending = await bench.confirmed(Method.ASYNC_DECLINED)
    await seal_orders(bench.deps, [pending.order_id])
    await bench.late_answers()
    await bench.settle()
    with pytest.raises(PaymentAlreadyDecided):
        await bench.confirm(pending.payment_id, Method.OK, key="another")
    assert await charges(bench, pending) in (["DECLINED"], ["VOIDED"])


@pytest.mark.parametrize("second", [Method.OK, Method.ASYNC_OK, Method.DECLINED])
async def test_a_declined_charge_that_holds_money_all_the_same_is_given_back(
    bench: PaymentBench, second: Method
) -> None:
    """A provider that changes its mind about the first attempt, after the second was made."""
    declined = await bench.confirmed(Method.DECLINED)
    after = await bench.confirm(declined.payment_id, second, key="another")
    await bench.write(f"UPDATE provider_charge SET state = 'AUTHORIZED' WHERE charge_key = '{declined.payment_id}'")  # noqa: S608
    await bench.webhook(told("pwh_1", declined.payment_id, "AUTHORIZED"))
    assert await bench.state(declined.payment_id) == after.state
    await bench.settle()
    assert (await charges(bench, declined))[0] == "VOIDED"
    await bench.late_answers()
    await bench.after_a_while()
    expected = {Method.DECLINED: "REQUIRES_CONFIRMATION"}.get(second, "AUTHORIZED")
    assert await bench.state(declined.payment_id) == expected


async def test_a_lost_call_of_the_second_attempt_is_made_up_for(bench: PaymentBench) -> None:
    declined = await bench.confirmed(Method.DECLINED)
    lost = await bench.confirm(declined.payment_id, Method.TIMEOUT, key="another")
    assert lost.state == "PROCESSING"
    await bench.after_a_while()
    assert await bench.state(lost.payment_id) == "AUTHORIZED"
    assert await charges(bench, lost) == ["DECLINED", "AUTHORIZED"]


async def test_a_late_decline_of_the_first_attempt_does_not_touch_the_second(bench: PaymentBench) -> None:
    declined = await bench.confirmed(Method.DECLINED)
    bench.provider.before.append(Crash())
    with pytest.raises(Crash):
        await bench.confirm(declined.payment_id, Method.OK, key="another")
    async with bench.deps.transactions() as uow:
        late = Charge(declined.payment_id, ChargeState.DECLINED, "again")
        await record_answer(bench.deps, uow, late, asked=declined)
        await uow.commit()
    assert await bench.state(declined.payment_id) == "PROCESSING"
    await bench.after_a_while()
    assert await bench.state(declined.payment_id) == "AUTHORIZED"


async def test_what_was_decided_meanwhile_is_not_put_off(bench: PaymentBench) -> None:
    """As when the order is confirmed while the provider is asked whether it still holds the money."""
    paid = await bench.confirmed()
    decided = "UPDATE payment_intent SET wanted = 'CAPTURE', due_at = UTC_TIMESTAMP(6) WHERE payment_id = '{}'"
    await bench.write(decided.format(paid.payment_id))
    async with bench.deps.transactions() as uow:
        await store.put_off(uow, paid, 3600)
        await uow.commit()
    await follow_up_due(bench.deps)
    assert await bench.state(paid.payment_id) == "CAPTURED"


async def test_the_last_attempt_that_is_declined_ends_the_order(bench: PaymentBench) -> None:
    failed = await bench.failed()
    assert await bench.kinds(failed) == ["payment.failed.v1"]
    assert len(await charges(bench, failed)) == MOST_ATTEMPTS
    await bench.webhook(told("pwh_1", f"{failed.payment_id}.{MOST_ATTEMPTS}", "AUTHORIZED"))
    await bench.write(f"UPDATE provider_charge SET state = 'AUTHORIZED' WHERE charge_key = '{failed.payment_id}.5'")  # noqa: S608
    await bench.settle()
    assert await bench.state(failed.payment_id) == "FAILED"
    assert (await charges(bench, failed))[-1] == "VOIDED"
