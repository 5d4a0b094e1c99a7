"""A rush on a sale: many buyers at once while every second's state is checked, then the sale's end is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from amazonlite.cli.shoppers.crowd import Crowd, Tally, plans
from amazonlite.cli.shoppers.shopper import Outcome, Plan
from amazonlite.common.testing.eventually import eventually
from support.sales import FlashSales, sale_spec
from support.shop import GATEWAY, Samples, Shop, sampled

MOSTLY_BUYING = {
    Plan.PAY: 0.80,
    Plan.TWICE: 0.05,
    Plan.DECLINED: 0.05,
    Plan.ABANDON_HOLD: 0.05,
    Plan.ABANDON_QUEUE: 0.05,
}


@dataclass(frozen=True, slots=True)
class Rush:
    """How many buyers want how many units, and for how long the sale is open."""

    buyers: int
    units: int
    lasts: float
    hold_ttl: float = 10.0
    max_active: int = 200
    rate: int = 200


@dataclass(frozen=True, slots=True)
class Ended:
    """A rush that is over: the final status, what was seen each second, how the shoppers fared."""

    status: dict[str, Any]
    samples: Samples
    tally: Tally
    sku: str


Fault = Callable[[str], Awaitable[None]]


async def no_fault(_sale: str) -> None:
    """Nothing breaks."""


async def run_rush(shop: Shop, sales: FlashSales, rush: Rush, fault: Fault = no_fault) -> Ended:
    """The whole rush; ``fault`` runs once the first unit is held. Returns when the sale is in a final phase."""
    sku = await shop.stocked_product(on_hand=rush.units * 2)
    admission = {"maxActive": rush.max_active, "ratePerSecond": rush.rate, "order": "Fifo", "preQueue": "10s"}
    spec = sale_spec(
        sku, rush.units, opens_in=12, lasts=rush.lasts, holdTTL=f"{rush.hold_ttl:.0f}s", admission=admission
    )
    name = sales.apply(spec)
    sale = sales.sale_id(name)
    await sales.in_phase(name, "Queueing", "Live", within=60)
    customers = [f"usr_{name}-{number:05d}" for number in range(rush.buyers)]
    crowd = Crowd(
        base_url=GATEWAY,
        sale=sale,
        tokens=await shop.shoppers(customers),
        plans=plans(rush.buyers, MOSTLY_BUYING, seed=11),
        patience_seconds=rush.lasts + 60,
    )
    async with sampled(shop, sale, rush.units) as samples:
        tally, _ = await _together(crowd, shop, sale, fault)
        status = await sales.in_phase(name, "Settled", "Aborted", "Failed", within=rush.lasts + 180)
    return Ended(status, samples, tally, sku)


async def _together(crowd: Crowd, shop: Shop, sale: str, fault: Fault) -> tuple[Tally, None]:
    async def break_once_selling() -> None:
        async def selling() -> bool:
            view = await shop.sale_view(sale)
            return view is not None and view["stock"]["held"] + view["stock"]["sold"] > 0

        await eventually(selling, within=90, every=0.25, what="the first unit held")
        await fault(sale)

    return await asyncio.gather(crowd.run(), break_once_selling())


async def assert_kept(shop: Shop, rush: Rush, ended: Ended, *, overdue: float = 5.0) -> None:
    """Everything that must hold after any rush, whatever broke meanwhile."""
    stock = ended.status["stock"]
    assert ended.status["phase"] == "Settled", ended.status
    assert not ended.samples.broken, ended.samples.broken[:3]
    assert len(ended.samples.seen) >= 10, "too few samples to prove anything"
    assert ended.status["oversold"] == 0
    assert stock["held"] == 0 and stock["free"] == 0
    assert stock["sold"] + stock["returned"] == rush.units
    assert stock["sold"] == stock["allocated"]
    assert not ended.tally.outcomes[Outcome.OVER_LIMIT]
    assert ended.samples.peak_active <= rush.max_active
    assert ended.samples.worst_overdue_seconds <= overdue, (
        f"an unpaid hold was {ended.samples.worst_overdue_seconds:.1f} s late"
    )
    general = await shop.stock(ended.sku)
    assert general["onHand"] == general["available"] + general["reserved"] == rush.units * 2 - stock["sold"]
    assert general["reserved"] == 0
