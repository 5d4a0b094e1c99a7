"""A paid order does not wait for an event that never comes."""

from __future__ import annotations

from amazonlite.order.catch_up import catch_up
from support.orders import OrderBench

AMOUNT = {"amount": 3998, "currency": "USD"}


async def authorized(bench: OrderBench) -> str:
    order_id = await bench.reserved()
    await bench.happens("payment.authorized.v1", order_id, paymentId="pay_1", amount=AMOUNT)
    return order_id


async def test_an_authorised_order_whose_goods_are_sold_is_confirmed_once_its_time_is_over(bench: OrderBench) -> None:
    late, early, unsold = await authorized(bench), await authorized(bench), await authorized(bench)
    bench.goods.sold |= {late, early}
    await bench.make_overdue(late, unsold)

    assert await catch_up(bench.deps) == 1
    assert await catch_up(bench.deps) == 0
    assert [await bench.state(order_id) for order_id in (late, early, unsold)] == [
        "CONFIRMED",
        "AUTHORIZED",
        "AUTHORIZED",
    ]
    confirmed = (await bench.events(late))[-1]
    assert (confirmed.type, confirmed.data["paymentId"]) == ("order.confirmed.v1", "pay_1")


async def test_the_event_that_comes_after_all_changes_nothing(bench: OrderBench) -> None:
    order_id = await authorized(bench)
    bench.goods.sold.add(order_id)
    await bench.make_overdue(order_id)
    await catch_up(bench.deps)
    await bench.happens("inventory.confirmed.v1", order_id, reservationId="res_1", paymentId="pay_1")
    assert (await bench.kinds(order_id)).count("order.confirmed.v1") == 1
