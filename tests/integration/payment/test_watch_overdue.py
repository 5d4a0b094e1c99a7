"""What stays as it is for too long raises the alarm, and nothing else does."""

from __future__ import annotations

import pytest

from amazonlite.common.observe.overdue import OVERDUE
from amazonlite.payment.domain import Method
from amazonlite.payment.watch_overdue import watch_overdue
from support.payments import PaymentBench

LONG_AGO = "UPDATE payment_intent SET changed_at = changed_at - INTERVAL 6 MINUTE"


async def alarms(bench: PaymentBench) -> dict[str, int]:
    await watch_overdue(bench.deps)
    (metric,) = OVERDUE.collect()
    found = {s.labels["state"]: int(s.value) for s in metric.samples if s.labels["aggregate"] == "payment"}
    return {state: count for state, count in found.items() if count}


async def test_all_is_well_while_everything_moves(bench: PaymentBench) -> None:
    for method in (Method.OK, Method.ASYNC_OK, Method.DECLINED):
        await bench.confirmed(method)
    assert await alarms(bench) == {}


async def test_what_is_over_is_never_overdue(bench: PaymentBench) -> None:
    captured, voided = await bench.confirmed(), await bench.confirmed()
    await bench.order_confirmed(captured)
    await bench.order_cancelled(voided.order_id)
    await bench.order_cancelled((await bench.payment(await bench.intent(bench.order()))).order_id)
    await bench.settle()
    await bench.failed()
    await bench.write(LONG_AGO)
    assert await alarms(bench) == {}


@pytest.mark.parametrize(
    ("method", "state"), [(Method.ASYNC_OK, "PROCESSING"), (Method.OK, "AUTHORIZED"), (Method.TIMEOUT, "PROCESSING")]
)
async def test_an_answer_that_never_comes_raises_the_alarm(bench: PaymentBench, method: Method, state: str) -> None:
    payment = await bench.confirmed(method)
    await bench.write(LONG_AGO)
    assert await alarms(bench) == {state: 1}
    await bench.order_cancelled(payment.order_id)
    await bench.settle()
    await bench.late_answers()
    assert await alarms(bench) == {}


async def test_money_that_the_provider_does_not_give_back_raises_the_alarm(bench: PaymentBench) -> None:
    payment = await bench.confirmed(Method.ASYNC_OK)
    await bench.order_cancelled(payment.order_id)
    await bench.write(LONG_AGO)
    assert await alarms(bench) == {"CANCELLED": 1}
    await bench.settle()
    assert await alarms(bench) == {}


async def test_a_payment_that_nobody_sealed_in_time_raises_the_alarm(bench: PaymentBench) -> None:
    await bench.intent(bench.order())
    await bench.write("UPDATE payment_intent SET pay_before = UTC_TIMESTAMP(6) - INTERVAL 3 MINUTE")
    assert await alarms(bench) == {"REQUIRES_CONFIRMATION": 1}
