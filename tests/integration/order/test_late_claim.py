"""An order can be paid although the event of its claim is late: it is opened from the hold itself."""

from __future__ import annotations

import asyncio

import pytest

from amazonlite.common.core.errors import Unavailable
from amazonlite.common.core.event import Event
from amazonlite.order.errors import OrderNotFound
from amazonlite.order.ports import ClaimFact
from amazonlite.order.read import get_order
from amazonlite.order.time_out import time_out_overdue
from support.orders import ALICE, BOB, SERVICE, OrderBench, held


async def unheard(bench: OrderBench, *, age: float) -> Event:
    """A claim whose event has not come, made ``age`` seconds ago; inventory knows its hold."""
    claim = await bench.claimed()
    bench.goods.known[claim.subject] = ClaimFact.of(claim.data)
    bench.clock.advance(age)
    return claim


async def test_the_order_is_there_a_second_after_the_claim(bench: OrderBench) -> None:
    claim = await unheard(bench, age=1.1)
    order = await get_order(bench.deps, SERVICE, claim.subject)
    assert (order.state, order.reservation_id, order.total.amount) == ("RESERVED", "hld_1", 999)
    await bench.delivered(claim)
    assert await bench.kinds(claim.subject) == ["order.created.v1"]
    assert await bench.story(claim.subject) == [("RESERVED", True, "hold")]


async def test_an_order_opened_too_late_is_not_ended_before_payment_was_asked(bench: OrderBench) -> None:
    """Of a database set back nobody knows what was paid: only a seal may close the order."""
    claim = await unheard(bench, age=600)
    order = await get_order(bench.deps, ALICE, claim.subject)
    assert order.state == "RESERVED"
    assert order.pay_before is not None and order.pay_before < bench.clock.now()
    bench.payments.known |= held("pay_1", claim.subject)
    await bench.make_overdue(claim.subject)
    await time_out_overdue(bench.deps)
    assert await bench.state(claim.subject) == "AUTHORIZED"


async def test_the_event_has_a_second_to_come_by_itself(bench: OrderBench) -> None:
    claim = await unheard(bench, age=0.5)
    with pytest.raises(OrderNotFound):
        await get_order(bench.deps, SERVICE, claim.subject)
    assert bench.goods.asked == []


async def test_nobody_is_told_that_there_is_none_while_inventory_cannot_say(bench: OrderBench) -> None:
    claim = await unheard(bench, age=1.1)
    bench.goods.away = True
    with pytest.raises(Unavailable):
        await get_order(bench.deps, ALICE, claim.subject)
    bench.goods.away = False
    assert (await get_order(bench.deps, ALICE, claim.subject)).state == "RESERVED"


@pytest.mark.parametrize(
    "order_id", ["ord_nonsense", "ord_00000000000000000000000000", "x", "ord_zzzzzzzzzzzzzzzzzzzzzzzzzz"]
)
async def test_nobody_is_asked_about_a_name_that_no_claim_has(bench: OrderBench, order_id: str) -> None:
    with pytest.raises(OrderNotFound):
        await get_order(bench.deps, SERVICE, order_id)
    assert bench.goods.asked == []


async def test_a_stranger_is_told_that_there_is_none(bench: OrderBench) -> None:
    claim = await unheard(bench, age=2)
    with pytest.raises(OrderNotFound):
        await get_order(bench.deps, BOB, claim.subject)
    assert (await get_order(bench.deps, ALICE, claim.subject)).state == "RESERVED"


async def test_the_event_and_the_asking_meet_and_make_one_order(bench: OrderBench) -> None:
    for _ in range(15):
        claim = await unheard(bench, age=1.1)
        asking = [get_order(bench.deps, SERVICE, claim.subject) for _ in range(3)]
        await asyncio.gather(bench.delivered(claim), *asking)
        assert await bench.kinds(claim.subject) == ["order.created.v1"]
        assert await bench.state(claim.subject) == "RESERVED"
        assert len(await bench.story(claim.subject)) == 1
