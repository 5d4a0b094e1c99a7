"""Whoever is told that the payment is authorised keeps the order, whatever is killed or restarted meanwhile.

A sale is struck by several faults one after the other, each once the sale has gone on after the one before, and each
is judged by itself. ROWS=all strikes every fault in a sale of its own, too; ROWS=rush in a rush as big as the one in
which orders were lost once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from support.cluster import Cluster
from support.faults.fault import Fault, FaultKind
from support.faults.inject import Injector, renewed
from support.history.pace import Pace
from support.runs import RUNS, WHICH_ROWS
from support.rush import NEARLY_ALL_BUYING, Rush
from support.sales import FlashSales
from support.shop import Shop
from support.trial import assert_no_order_lost, assert_sold_again, run_trial

pytestmark = pytest.mark.cluster
HELD_AT_FIRST_FAULT = 20
CLAIMED_BETWEEN = 8
UNITS_PER_SECOND = 8


@dataclass(frozen=True, slots=True)
class Case:
    """``once_held``: how many units have been held when the first fault strikes."""

    faults: tuple[Fault, ...]
    rush: Rush
    once_held: int = HELD_AT_FIRST_FAULT


def steady(*faults: Fault, units: int = 110) -> Case:
    """``units`` are enough for some of them to be free when the last fault strikes and 10 s after it."""
    rush = Rush(
        buyers=round(units * 1.6),
        units=units,
        lasts=150,
        hold_ttl=10,
        max_active=60,
        rate=UNITS_PER_SECOND,
        arrival=8,
        opens_in=4,
        returning=True,
        connections=1000,
        mix=NEARLY_ALL_BUYING,
    )
    return Case(faults, rush)


def rushed(fault: Fault) -> Case:
    """As many shoppers and units, and as fast, as when most of those who had paid lost their orders."""
    rush = Rush(
        buyers=1900,
        units=1200,
        lasts=200,
        hold_ttl=15,
        max_active=400,
        rate=200,
        opens_in=8,
        returning=True,
        connections=2000,
        mix=NEARLY_ALL_BUYING,
    )
    return Case((fault,), rush, once_held=250)


def killed(workload: str) -> Fault:
    return Fault(FaultKind.KILL, (workload,))


BOTH_INVENTORY_PODS_KILLED = Fault(FaultKind.KILL_ALL, ("inventory",))
REDIS_EMPTIED = Fault(FaultKind.EMPTY, ("redis",))
REDIS_AWAY = Fault(FaultKind.AWAY, ("redis",), 15)
REDIS_BACK_WITH_OLDER_DATA = Fault(FaultKind.SET_BACK, ("redis",), 4)
SERVICES_ROLLED = Fault(FaultKind.ROLL, ("inventory", "order", "payment"))

SALES: Mapping[str, Case] = {
    "one-inventory-pod-order-payment-killed": steady(
        killed("inventory"), killed("order"), killed("payment"), units=120
    ),
    "both-inventory-pods-mariadb-kafka-killed": steady(
        BOTH_INVENTORY_PODS_KILLED, killed("mysql"), killed("kafka"), units=190
    ),
    "redis-emptied-back-with-older-data-away-killed": steady(
        REDIS_EMPTIED, REDIS_BACK_WITH_OLDER_DATA, REDIS_AWAY, killed("redis"), units=150
    ),
    "services-rolled": steady(SERVICES_ROLLED, units=140),
}
ALONE: Mapping[str, Fault] = {
    "mariadb-killed": killed("mysql"),
    "one-inventory-pod-killed": killed("inventory"),
    "both-inventory-pods-killed": BOTH_INVENTORY_PODS_KILLED,
    "order-killed": killed("order"),
    "payment-killed": killed("payment"),
    "kafka-killed": killed("kafka"),
    "redis-killed": killed("redis"),
    "redis-emptied": REDIS_EMPTIED,
    "redis-away": REDIS_AWAY,
    "redis-back-with-older-data": REDIS_BACK_WITH_OLDER_DATA,
}
ROWS: Mapping[str, Mapping[str, Case]] = {
    "": SALES,
    "all": {**SALES, "nothing": steady(), **{name: steady(fault) for name, fault in ALONE.items()}},
    "rush": {f"rush-{name}": rushed(fault) for name, fault in ALONE.items()},
}


# Without any inventory pod, or while Redis comes back in a new pod, nobody can claim at all.
ALLOWED_SECONDS = {FaultKind.KILL_ALL: 20.0, FaultKind.AWAY: 20.0, FaultKind.SET_BACK: 20.0}
# A killed broker starts for 5 to 8 s, and its clients find it again after that: confirmations wait, claims do not.
CONFIRMED_SECONDS = {killed("kafka"): 20.0}
CASES = ROWS[WHICH_ROWS]


def allowed(fault: Fault) -> Pace:
    """Seconds after the fault until units are claimed, and what is paid is confirmed, at the latest."""
    seconds = ALLOWED_SECONDS.get(fault.kind, 10.0)
    return Pace(seconds, CONFIRMED_SECONDS.get(fault, seconds))


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_all_units_are_sold_and_no_paid_order_is_lost(
    shop: Shop, sales: FlashSales, case: Case, run: int
) -> None:
    await renewed(Cluster(), case.faults)

    async def disturb(injector: Injector) -> None:
        await injector.inject_each(case.faults, units_between=CLAIMED_BETWEEN, wait=20)

    trial = await run_trial(shop, sales, case.rush, disturb, once_held=case.once_held)
    assert [injection.fault for injection in trial.injections] == list(case.faults)
    await assert_no_order_lost(shop, trial)
    assert_sold_again(trial, allowed)
    assert trial.evidence.rows.sale.sold == case.rush.units, "there were more shoppers than units"
