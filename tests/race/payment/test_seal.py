"""An order is sealed while its customer pays: either the customer is told that it is paid, or it is closed."""

from __future__ import annotations

import asyncio

from amazonlite.payment.errors import OrderNotPayable, PaymentAlreadyDecided
from amazonlite.payment.seal import seal_orders
from support.payments import PaymentBench

ROUNDS = 25


async def paid(bench: PaymentBench, payment_id: str) -> str:
    """What the customer who confirms the payment is told."""
    try:
        return str((await bench.confirm(payment_id)).state)
    except PaymentAlreadyDecided:
        return await bench.state(payment_id)


async def test_a_seal_against_the_payment_of_the_same_order(bench: PaymentBench) -> None:
    seen: set[str] = set()
    for number in range(ROUNDS):
        order_id = bench.order()
        payment_id = await bench.intent(order_id)

        async def seal(order_id: str = order_id, payment_id: str = payment_id, turns: int = number % 5) -> bool:
            for _ in range(turns):  # the later the seal starts, the more often the payment wins
                await bench.payment(payment_id)
            return order_id in (await seal_orders(bench.deps, [order_id])).authorized

        told, kept = await asyncio.gather(paid(bench, payment_id), seal())
        assert (told == "AUTHORIZED") == kept
        await bench.settle()
        assert await bench.charge(payment_id) in ({"AUTHORIZED"} if kept else {"", "VOIDED"})
        seen.add(told)
    assert seen == {"AUTHORIZED", "CANCELLED"}, "one side won every time: nothing raced"


async def test_a_seal_against_the_opening_of_a_payment(bench: PaymentBench) -> None:
    for _ in range(ROUNDS):
        order_id = bench.order()

        async def pay(order_id: str = order_id) -> str:
            try:
                return await paid(bench, await bench.intent(order_id))
            except OrderNotPayable:
                return "refused"

        state, sealed = await asyncio.gather(pay(), seal_orders(bench.deps, [order_id]))
        assert (state == "AUTHORIZED") == (order_id in sealed.authorized)
        assert state in {"AUTHORIZED", "CANCELLED", "refused"}


async def test_seals_of_overlapping_orders_do_not_contradict_each_other(bench: PaymentBench) -> None:
    orders = [bench.order() for _ in range(20)]
    payments = {order_id: await bench.intent(order_id) for order_id in orders}
    answers, *_ = await asyncio.gather(
        asyncio.gather(*(seal_orders(bench.deps, orders[start:] + orders[:start]) for start in range(0, 20, 4))),
        *(paid(bench, payment_id) for payment_id in payments.values()),
    )
    assert len({tuple(sorted(answer.authorized.items())) for answer in answers}) == 1
