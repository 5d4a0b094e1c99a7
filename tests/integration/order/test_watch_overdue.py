"""An order that nobody moves raises the alarm, and nothing else does."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from amazonlite.common.observe.overdue import OVERDUE
from amazonlite.order.watch_overdue import watch_overdue
from support.orders import OrderBench

AMOUNT = {"amount": 3998, "currency": "USD"}


async def alarms(bench: OrderBench) -> dict[str, int]:
    await watch_overdue(bench.deps)
    (metric,) = OVERDUE.collect()
    found = {s.labels["state"]: int(s.value) for s in metric.samples if s.labels["aggregate"] == "order"}
    return {state: count for state, count in found.items() if count}


async def an_hour_passes(bench: OrderBench) -> None:
    async with bench.deps.transactions() as uow:
        await uow.execute(text("UPDATE order_event SET at = at - INTERVAL 1 HOUR"))
        await uow.commit()


async def test_orders_that_move_are_not_overdue(bench: OrderBench) -> None:
    await bench.create()
    await bench.reserved()
    assert await alarms(bench) == {}


async def test_a_reserved_order_is_overdue_by_its_time_to_pay_alone(bench: OrderBench) -> None:
    order_id = await bench.reserved()
    await an_hour_passes(bench)
    assert await alarms(bench) == {}
    async with bench.deps.transactions() as uow:
        await uow.execute(text("UPDATE orders SET pay_before = UTC_TIMESTAMP(6) - INTERVAL 2 MINUTE"))
        await uow.commit()
    assert await alarms(bench) == {"RESERVED": 1}
    assert await bench.state(order_id) == "RESERVED"


@pytest.mark.parametrize("state", ["PENDING", "AUTHORIZED", "CONFIRMED"])
async def test_a_state_that_lasts_too_long_raises_the_alarm_until_it_is_left(bench: OrderBench, state: str) -> None:
    order_id = await bench.create() if state == "PENDING" else await bench.reserved()
    if state != "PENDING":
        await bench.happens("payment.authorized.v1", order_id, paymentId="pay_1", amount=AMOUNT)
    if state == "CONFIRMED":
        await bench.happens("inventory.confirmed.v1", order_id, reservationId="res_1", paymentId="pay_1")
    assert await alarms(bench) == {}
    await an_hour_passes(bench)
    assert await alarms(bench) == {state: 1}
    if state != "PENDING":
        await bench.happens("payment.voided.v1", order_id, paymentId="pay_1", amount=AMOUNT)
        assert await alarms(bench) == {}
