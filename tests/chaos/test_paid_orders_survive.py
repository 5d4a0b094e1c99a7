"""Whoever was told that the payment is authorised keeps the order, whatever is killed, cut or restarted meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from amazonlite.common.testing.eventually import eventually
from support.cluster import Cluster
from support.faults.fault import Fault, Kind
from support.faults.inject import Injector, healed
from support.faults.node import Node
from support.history.check import paid_lost
from support.history.pace import pace_after
from support.rush import Ended, Running, Rush, assert_kept, run_rush
from support.sales import FlashSales
from support.shop import Shop

pytestmark = pytest.mark.cluster
# Units are free for 10 s after the fault at the least: about 30 are taken when it strikes, and 8 a second after that.
RUSH = Rush(buyers=220, units=120, lasts=120, hold_ttl=15, max_active=60, rate=8, arrival=8, opens_in=8, returning=True)
STRIKES_AT = 30


@pytest_asyncio.fixture(autouse=True)
async def whole() -> AsyncIterator[None]:
    """Every fault is healed before and after each test, also after one that was stopped in the middle."""
    cluster, node = Cluster(), Node()
    await healed(cluster, node)
    yield
    await healed(cluster, node)


FAULTS = {
    "nothing": [],
    "mariadb": [Fault(Kind.KILL, ("mysql",))],
    "one inventory pod": [Fault(Kind.KILL, ("inventory",))],
    "both inventory pods": [Fault(Kind.KILL_ALL, ("inventory",))],
    "order": [Fault(Kind.KILL, ("order",))],
    "payment": [Fault(Kind.KILL, ("payment",))],
    "kafka": [Fault(Kind.KILL, ("kafka",))],
    "redis": [Fault(Kind.KILL, ("redis",))],
    "rolling restart": [Fault(Kind.ROLL, ("inventory", "order", "payment"))],
}


@pytest.mark.parametrize("name", FAULTS)
async def test_no_paid_order_is_lost(shop: Shop, sales: FlashSales, name: str) -> None:
    injectors: list[Injector] = []

    async def fault(running: Running) -> None:
        injector = Injector(running.sale, running.samples)
        injectors.append(injector)
        await eventually(lambda: len(running.history.holds) >= STRIKES_AT, within=60, every=0.05, what="units held")
        for each in FAULTS[name]:
            print(await injector.strike(each))

    ended = await run_rush(shop, sales, RUSH, fault)
    print(name, summary(ended, injectors[0]))
    assert paid_lost(ended.evidence) == []
    await assert_kept(shop, RUSH, ended, blind=20)


def summary(ended: Ended, injector: Injector) -> dict[str, object]:
    evidence = ended.evidence
    since = injector.strikes[-1].over if injector.strikes else 0.0
    pace = pace_after(evidence.history, evidence.rows, since=since, until=ended.samples.last_free)
    return {
        "paid": len(evidence.history.authorized),
        "lost": len(paid_lost(evidence)),
        "sold": evidence.rows.sale.sold,
        "free at the strike": [strike.free for strike in injector.strikes],
        "pace": pace,
        "late": round(ended.samples.most_late, 1),
        "gap": round(ended.samples.longest_gap, 1),
        "blind": round(ended.samples.longest_blindness, 1),
        "outcomes": dict(ended.tally.outcomes),
    }
