"""Events that are handled in one transaction: each order goes its own way, and none is forgotten."""

from __future__ import annotations

from amazonlite.common.core.context import following
from amazonlite.common.core.ids import new_id
from amazonlite.order.cancel import cancel_order
from support.orders import ALICE, OrderBench

AMOUNT = {"amount": 3998, "currency": "USD"}


async def test_authorisations_of_orders_in_every_state(bench: OrderBench) -> None:
    reserved = [await bench.reserved() for _ in range(3)]
    cancelled, confirmed, unknown = await bench.reserved(), await bench.reserved(), new_id("ord")
    await cancel_order(bench.deps, ALICE, cancelled)
    await bench.happens("inventory.confirmed.v1", confirmed, reservationId="res_1", paymentId="pay_1")
    orders = [reserved[2], unknown, cancelled, reserved[0], confirmed, reserved[1]]
    await bench.together(
        [bench.message("payment.authorized.v1", order, paymentId="pay_1", amount=AMOUNT) for order in orders]
    )
    assert [await bench.state(order) for order in reserved] == ["AUTHORIZED"] * 3
    assert (await bench.state(cancelled), await bench.state(confirmed)) == ("CANCELLED", "CONFIRMED")
    assert (await bench.story(cancelled))[-1] == ("CANCELLED", False, "payment.authorized.v1")
    for order in reserved:
        assert (await bench.kinds(order)).count("order.authorized.v1") == 1


async def test_claims_of_which_some_are_known(bench: OrderBench) -> None:
    claims = [await bench.claimed() for _ in range(5)]
    await bench.delivered(claims[2])
    await bench.happens("inventory.expired.v1", claims[4].subject, reservationId="hld_1", saleId="fs_1")
    await bench.together([claims[3], claims[4], claims[0], claims[2], claims[1]])
    assert [await bench.state(claim.subject) for claim in claims] == ["RESERVED"] * 4 + ["TIMED_OUT"]
    for claim in claims:
        assert (await bench.kinds(claim.subject)).count("order.created.v1") == 1


async def test_new_events_follow_each_its_own_cause(bench: OrderBench) -> None:
    claims = []
    for number in range(2):
        with following(f"cor_{number}", f"00-{number:032x}-0000000000000001-01"):
            claims.append(await bench.claimed())
    await bench.together(claims)
    for claim in claims:
        [created] = await bench.events(claim.subject)
        assert created.correlation_id.startswith("cor_")
        assert (created.correlation_id, created.traceparent) == (claim.correlation_id, claim.traceparent)
