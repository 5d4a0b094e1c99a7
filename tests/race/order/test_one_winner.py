"""Whatever decides an order at the same moment, one thing wins, and everybody sees the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from amazonlite.order.cancel import cancel_order
from amazonlite.order.confirm import confirm_order
from amazonlite.order.domain import Order
from amazonlite.order.errors import OrderAlreadyDecided
from amazonlite.order.time_out import time_out_overdue
from support.orders import ALICE, OrderBench, held

ROUNDS = 8
DECISIONS = {"AUTHORIZED": "order.authorized.v1", "CANCELLED": "order.cancelled.v1", "TIMED_OUT": "order.timed-out.v1"}


async def outcome(command: Awaitable[Order]) -> str:
    """The order's state as the caller learns it, by success or by refusal."""
    try:
        return str((await command).state)
    except OrderAlreadyDecided as refused:
        return str(refused.extra["order"]["state"])


async def assert_one_decision(bench: OrderBench, order_id: str) -> str:
    state = await bench.state(order_id)
    decided = [kind for kind in await bench.kinds(order_id) if kind != "order.created.v1"]
    assert decided == [DECISIONS[state]]
    applied = [entry for entry in await bench.story(order_id) if entry[1]]
    assert [entry[0] for entry in applied] == ["PENDING", "RESERVED", state]
    return state


@pytest.mark.parametrize("round_", range(ROUNDS))
async def test_everything_at_once_has_one_winner_and_all_see_it(bench: OrderBench, round_: int) -> None:
    order_id = await bench.reserved()
    await bench.make_overdue(order_id)
    bench.payments.known.update(held("pay_1", order_id))
    amount = {"amount": 3998, "currency": "USD"}
    contenders: list[Callable[[], Awaitable[object]]] = [
        lambda: outcome(cancel_order(bench.deps, ALICE, order_id)),
        lambda: outcome(confirm_order(bench.deps, ALICE, order_id, "pay_1")),
        lambda: time_out_overdue(bench.deps),
        lambda: bench.happens("payment.failed.v1", order_id, paymentId="pay_1", reason="card_declined"),
        lambda: bench.happens("payment.authorized.v1", order_id, paymentId="pay_1", amount=amount),
        lambda: bench.happens("inventory.expired.v1", order_id, reservationId="res_1"),
        lambda: outcome(cancel_order(bench.deps, ALICE, order_id)),
    ]
    turned = contenders[round_ % len(contenders) :] + contenders[: round_ % len(contenders)]
    seen = await asyncio.gather(*(contender() for contender in turned))

    state = await assert_one_decision(bench, order_id)
    assert {answer for answer in seen if isinstance(answer, str)} == {state}


async def test_many_cancels_are_one(bench: OrderBench) -> None:
    order_id = await bench.reserved()
    answers = await asyncio.gather(*(outcome(cancel_order(bench.deps, ALICE, order_id)) for _ in range(10)))
    assert set(answers) == {"CANCELLED"}
    await assert_one_decision(bench, order_id)


async def test_the_same_event_delivered_at_once_counts_once(bench: OrderBench) -> None:
    order_id = await bench.create()
    message = bench.message("inventory.reserved.v1", order_id, **bench.reservation())
    await asyncio.gather(*(bench.delivered(message, times=1) for _ in range(6)))
    assert await bench.story(order_id) == [("PENDING", True, "create"), ("RESERVED", True, "inventory.reserved.v1")]


async def test_two_sweeps_share_the_overdue_orders(bench: OrderBench) -> None:
    overdue = [await bench.reserved() for _ in range(12)]
    await bench.make_overdue(*overdue)
    first = await asyncio.gather(*(time_out_overdue(bench.deps, batch=4) for _ in range(6)))
    rest = [await time_out_overdue(bench.deps, batch=4) for _ in overdue]

    assert sum([*first, *rest]) == len(overdue)
    for order_id in overdue:
        assert await assert_one_decision(bench, order_id) == "TIMED_OUT"


async def test_a_claim_and_its_expiry_meet_and_the_order_is_timed_out(bench: OrderBench) -> None:
    for _ in range(ROUNDS):
        claim = await bench.claimed()
        expiry = bench.message("inventory.expired.v1", claim.subject, reservationId="hld_1", saleId="fs_1")
        await asyncio.gather(bench.delivered(claim), bench.delivered(expiry))

        assert await bench.state(claim.subject) == "TIMED_OUT"
        assert await bench.kinds(claim.subject) == ["order.created.v1", "order.timed-out.v1"]
