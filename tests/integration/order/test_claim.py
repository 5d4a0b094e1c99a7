"""Flash-sale claims become orders, whatever order the events arrive in."""

from __future__ import annotations

from amazonlite.order.domain import OrderState as S
from amazonlite.order.read import count_sale
from amazonlite.order.store import StateCount
from amazonlite.order.time_out import time_out_overdue
from support.orders import ALICE, OrderBench


async def test_a_claim_becomes_a_reserved_order_that_is_announced(bench: OrderBench) -> None:
    claim = await bench.claimed(quantity=2)
    await bench.delivered(claim)

    order = await bench.order(claim.subject)
    assert (order.state, order.sale_id, order.reservation_id) == ("RESERVED", "fs_1", "hld_1")
    (created,) = await bench.events(claim.subject)
    assert created.type == "order.created.v1"
    assert created.data["saleId"] == "fs_1"
    assert created.data["customerId"] == ALICE.subject
    assert created.data["total"] == {"amount": 1998, "currency": "USD"}
    assert created.data["payBefore"] == claim.data["payBefore"]


async def test_a_hold_that_expired_before_its_claim_arrived_ends_timed_out(bench: OrderBench) -> None:
    claim = await bench.claimed()
    await bench.happens("inventory.expired.v1", claim.subject, reservationId="hld_1", saleId="fs_1")
    await bench.delivered(claim)

    assert await bench.state(claim.subject) == "TIMED_OUT"
    assert await bench.kinds(claim.subject) == ["order.created.v1", "order.timed-out.v1"]
    assert await bench.story(claim.subject) == [
        (None, False, "inventory.expired.v1"),
        ("RESERVED", True, "flash-sale.claimed.v1"),
        ("TIMED_OUT", True, "flash-sale.claimed.v1"),
    ]


async def test_a_claim_announced_again_under_another_event_id_changes_nothing(bench: OrderBench) -> None:
    claim = await bench.claimed()
    await bench.delivered(claim)
    await bench.delivered(bench.message(claim.type, claim.subject, **dict(claim.data)))

    assert await bench.kinds(claim.subject) == ["order.created.v1"]


async def test_a_sale_is_counted_by_state(bench: OrderBench) -> None:
    claims = [await bench.claimed(quantity=quantity) for quantity in (1, 2, 3)]
    for claim in claims:
        await bench.delivered(claim)
    await bench.delivered(await bench.claimed(sale_id="fs_other"))
    await bench.make_overdue(claims[2].subject)
    await time_out_overdue(bench.deps)

    counts = sorted(await count_sale(bench.deps, "fs_1"), key=lambda count: count.state)
    assert counts == [StateCount(S.RESERVED, 2, 3), StateCount(S.TIMED_OUT, 1, 3)]
    assert await count_sale(bench.deps, "fs_none") == []
