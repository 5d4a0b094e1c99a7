"""Kafka is away for twice as long as a hold lasts, and everybody who pays meanwhile gets what was paid for."""

from __future__ import annotations

import asyncio

from amazonlite.common.testing.eventually import eventually
from amazonlite_cli.shoppers.shopper import Plan
from support.faults.fault import Fault, FaultKind
from support.faults.inject import Injector
from support.history.pace import Pace
from support.history.record import AUTHORIZED, BOUGHT, History
from support.rush import Rush
from support.sales import FlashSales
from support.shop import Shop
from support.trial import assert_no_order_lost, assert_sold_again, run_trial

AWAY_SECONDS = 60.0
HOLD_SECONDS = 30.0
PAID = AUTHORIZED | BOUGHT
RUSH = Rush(
    buyers=70,
    units=60,
    lasts=150,
    hold_ttl=HOLD_SECONDS,
    max_active=60,
    rate=10,
    arrival=4,
    opens_in=6,
    returning=True,
    mix={Plan.PAY: 0.5, Plan.CONFIRM: 0.5},
)


async def sell_without_kafka(shop: Shop, sales: FlashSales) -> None:
    """All units are sold, and each customer is shown the payment and the order before Kafka is back."""

    async def disturb(injector: Injector) -> None:
        await asyncio.gather(injector.inject(Fault(FaultKind.AWAY, ("kafka",), AWAY_SECONDS)), looks(injector.history))

    async def looks(history: History) -> None:
        """While Kafka is away: who paid is shown so by payment at once, and by order when the hold's time is over."""
        await eventually(lambda: len(history.authorized) == RUSH.units, within=45, every=0.1, what="all units paid")
        tokens = {customer: token for token, customer in history.customers.items()}
        for told in list(history.succeeded("pay")):
            url = f"/api/payments/intents/{told.payment_id}"
            _, payment, _ = await shop.request("GET", url, tokens[told.customer])
            assert payment["state"] in AUTHORIZED, payment

    trial = await run_trial(shop, sales, RUSH, disturb, once_held=10)
    history = trial.evidence.history
    (injection,) = trial.injections
    assert all(injection.at < paid < injection.over for paid in list(history.authorized.values())[20:]), (
        "Kafka was away"
    )
    await assert_no_order_lost(shop, trial)
    assert_sold_again(trial, lambda _fault: Pace(10.0, 10.0))
    assert trial.evidence.rows.sale.sold == RUSH.units
    late = {order: seen for order, seen in first_seen_paid(history).items() if seen > HOLD_SECONDS + 5}
    assert not late, f"orders shown as paid only so many seconds after their claim: {late}"


def first_seen_paid(history: History) -> dict[str, float]:
    """How many seconds after its claim each paid order was first shown to its customer as paid."""
    claimed = {hold.order_id: hold.completed or hold.invoked for hold in history.holds.values()}
    seen: dict[str, float] = {order: float("inf") for order in history.authorized}
    for read in history.succeeded("order"):
        if read.state in PAID and read.order_id in seen and read.completed is not None:
            seen[read.order_id] = min(seen[read.order_id], read.completed - claimed[read.order_id])
    return seen
