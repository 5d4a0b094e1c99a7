"""The sweep goes by the database's clock and takes each overdue order once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from amazonlite.common.core.errors import Unavailable
from amazonlite.order.cancel import cancel_order
from amazonlite.order.ports import Sealed
from amazonlite.order.time_out import time_out_overdue
from support.orders import ALICE, OrderBench, held


async def test_overdue_orders_time_out_and_others_do_not(bench: OrderBench) -> None:
    pending, reserved, fresh = await bench.create(), await bench.reserved(), await bench.reserved()
    await bench.make_overdue(pending, reserved)

    assert await time_out_overdue(bench.deps) == 2
    assert await time_out_overdue(bench.deps) == 0
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
    assert [await time_out_overdue(bench.deps, batch=2) for _ in range(4)] == [2, 2, 1, 0]


async def test_a_paid_order_never_times_out(bench: OrderBench) -> None:
    order_id = await bench.reserved()
    amount = {"amount": 3998, "currency": "USD"}
    await bench.happens("payment.authorized.v1", order_id, paymentId="pay_1", amount=amount)
    await bench.make_overdue(order_id)

    assert await time_out_overdue(bench.deps) == 0
    assert await bench.state(order_id) == "AUTHORIZED"


async def test_an_overdue_order_that_is_paid_is_authorised_instead(bench: OrderBench) -> None:
    """The news of the payment is late, or never comes."""
    order_id = await bench.reserved()
    bench.payments.known.update(held("pay_1", order_id))
    await bench.make_overdue(order_id)

    assert await time_out_overdue(bench.deps) == 1
    order = await bench.order(order_id)
    assert (order.state, order.payment_id) == ("AUTHORIZED", "pay_1")
    assert (await bench.story(order_id))[-1] == ("AUTHORIZED", True, "payment deadline")


async def test_no_order_times_out_while_payment_does_not_answer(bench: OrderBench) -> None:
    order_id = await bench.reserved()
    await bench.make_overdue(order_id)
    bench.payments.away = True
    with pytest.raises(Unavailable):
        await time_out_overdue(bench.deps)
    assert await bench.state(order_id) == "RESERVED"
    bench.payments.away = False
    assert await time_out_overdue(bench.deps) == 1
    assert (await bench.state(order_id), bench.payments.closed) == ("TIMED_OUT", {order_id})


async def test_an_order_that_was_decided_while_payment_was_asked_stays_as_it_is(bench: OrderBench) -> None:
    order_id = await bench.reserved()
    await bench.make_overdue(order_id)

    class CancelledMeanwhile:
        async def find(self, _: str) -> None: ...

        async def seal(self, order_ids: Sequence[str]) -> Sealed:
            await cancel_order(bench.deps, ALICE, order_id)
            return await bench.payments.seal(order_ids)

    assert await time_out_overdue(replace(bench.deps, payments=CancelledMeanwhile())) == 0
    assert await bench.state(order_id) == "CANCELLED"
