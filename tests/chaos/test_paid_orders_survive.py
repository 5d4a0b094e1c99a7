"""Whoever is told that the payment is authorised keeps the order, whatever is killed or restarted meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from support.cluster import Cluster
from support.faults.fault import Fault, Kind
from support.faults.inject import Injector, renewed
from support.runs import RUNS
from support.rush import NEARLY_ALL_BUYING, Rush
from support.sales import FlashSales
from support.shop import Shop
from support.trial import assert_no_order_lost, run_trial

pytestmark = pytest.mark.cluster
# About 20 units are taken when the fault strikes and 8 a second after it, so units are free for 10 s more at least.
RUSH = Rush(
    buyers=180,
    units=110,
    lasts=120,
    hold_ttl=10,
    max_active=60,
    rate=8,
    arrival=8,
    opens_in=4,
    returning=True,
    connections=1000,
    mix=NEARLY_ALL_BUYING,
)
HELD_AT_FAULT = 20


@dataclass(frozen=True, slots=True)
class Case:
    """``faults`` strike one after the other; the sale has to go on within so many seconds of the last one's end."""

    faults: tuple[Fault, ...]
    selling_within: float = 10.0


def killed(workload: str) -> Case:
    return Case((Fault(Kind.KILL, (workload,)),))


CASES: Mapping[str, Case] = {
    "nothing": Case(()),
    "mariadb-killed": killed("mysql"),
    "one-inventory-pod-killed": killed("inventory"),
    "both-inventory-pods-killed": Case((Fault(Kind.KILL_ALL, ("inventory",)),)),
    "order-killed": killed("order"),
    "payment-killed": killed("payment"),
    "kafka-killed": killed("kafka"),
    "redis-killed": killed("redis"),
    "redis-emptied": Case((Fault(Kind.EMPTY, ("redis",)),)),
    "redis-away": Case((Fault(Kind.AWAY, ("redis",), 15),), selling_within=20),
    "redis-back-with-older-data": Case((Fault(Kind.SET_BACK, ("redis",), 4),), selling_within=20),
    "services-rolled": Case((Fault(Kind.ROLL, ("inventory", "order", "payment")),)),
}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_all_units_are_sold_and_no_paid_order_is_lost(
    shop: Shop, sales: FlashSales, case: Case, run: int
) -> None:
    await renewed(Cluster(), case.faults)

    async def disturb(injector: Injector) -> None:
        for fault in case.faults:
            await injector.inject(fault)

    trial = await run_trial(shop, sales, RUSH, disturb, once_held=HELD_AT_FAULT)
    await assert_no_order_lost(shop, trial, selling_within=case.selling_within)
    assert trial.evidence.rows.sale.sold == RUSH.units, "there were more shoppers than units"
