"""The sweep goes by the database's clock and takes each overdue order once."""

from __future__ import annotations

from amazonlite.order.time_out import time_out_overdue
from support.orders import OrderBench


async def test_overdue_orders_time_out_and_others_do_not(bench: OrderBench) -> None:
    pending, reserved, fresh = await bench.create(), await bench.reserved(), await bench.reserved()
    await bench.make_overdue(pending, reserved)

    assert await time_out_overdue(bench.desk) == 2
    assert await time_out_overdue(bench.desk) == 0
    assert [await bench.state(order_id) for order_id in (pending, reserved, fresh)] == [
        "TIMED_OUT",
        "TIMED_OUT",
        "RESERVED",
    ]
    timed_out = (await bench.events(reserved))[-1]
    assert (timed_out.type, timed_out.data["reason"]) == ("order.timed-out.v1", "payment_timeout")


async def test_a_batch_is_bounded_and_the_rest_follows(bench: OrderBench) -> None:
    overdue = [await bench.create() for _ in range(5)]
    await bench.make_overdue(*overdue)
    assert [await time_out_overdue(bench.desk, batch=2) for _ in range(4)] == [2, 2, 1, 0]


async def test_a_paid_order_never_times_out(bench: OrderBench) -> None:
    order_id = await bench.reserved()
    amount = {"amount": 3998, "currency": "USD"}
    await bench.happens("payment.authorized.v1", order_id, paymentId="pay_1", amount=amount)
    await bench.make_overdue(order_id)

    assert await time_out_overdue(bench.desk) == 0
    assert await bench.state(order_id) == "AUTHORIZED"
