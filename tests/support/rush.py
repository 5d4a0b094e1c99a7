"""A rush on a sale: many buyers at once while every second's state is checked, then the sale's end is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from amazonlite.common.testing.eventually import eventually
from amazonlite_cli.shoppers.crowd import Crowd, Tally, plans
from amazonlite_cli.shoppers.shopper import Outcome, Plan
from support.history.check import Evidence, anomalies
from support.history.record import History
from support.history.rows import Rows, dead_letters, read_rows
from support.sales import FlashSales, sale_spec
from support.samples import Samples, sampled
from support.shop import GATEWAY, Shop

# Where all units are to be sold soon: an abandoned hold is sold again only when its time is over.
NEARLY_ALL_BUYING = {
    Plan.PAY: 0.64,
    Plan.CONFIRM: 0.20,
    Plan.CANCEL: 0.03,
    Plan.TWICE: 0.03,
    Plan.DECLINED: 0.03,
    Plan.ANOTHER_CARD: 0.03,
    Plan.ABANDON_HOLD: 0.02,
    Plan.ABANDON_QUEUE: 0.02,
}
# Where units are left at the end: one whose capture is refused may come back too late to be sold again.
ALSO_REFUSED = {**NEARLY_ALL_BUYING, Plan.PAY: 0.61, Plan.CAPTURE_REFUSED: 0.03}
LATE_SECONDS = 5.0
GAP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Rush:
    """How many buyers want how many units, and for how long the sale is open. Times are in seconds.

    Shoppers arrive over ``arrival``; those ``returning`` come again until they have a unit or the sale is over. They
    share ``connections``: where calls are left without an answer for long, too few would keep the others waiting.
    """

    buyers: int
    units: int
    lasts: float
    hold_ttl: float = 10.0
    max_active: int = 200
    rate: int = 200
    arrival: float = 0.0
    opens_in: float = 12.0
    returning: bool = False
    connections: int = 256
    mix: Mapping[Plan, float] = field(default_factory=lambda: NEARLY_ALL_BUYING)


@dataclass(frozen=True, slots=True)
class Running:
    """A sale under way: its id in the shop, its name in the cluster, and what is seen of it so far."""

    sale: str
    name: str
    samples: Samples
    history: History


@dataclass(frozen=True, slots=True)
class Ended:
    """A rush that is over: the final status, what was seen each second, how the shoppers fared, what is on record.

    ``closes``: when the sale's window did, in seconds since 1970; the units free after that could not be claimed.
    """

    status: dict[str, Any]
    samples: Samples
    tally: Tally
    sku: str
    closes: float
    evidence: Evidence


Fault = Callable[[Running], Awaitable[None]]


async def no_fault(_running: Running) -> None:
    """Nothing breaks."""


async def run_rush(shop: Shop, sales: FlashSales, rush: Rush, fault: Fault = no_fault) -> Ended:
    """The whole rush; ``fault`` runs once the first unit is held. Returns when nothing of the sale moves any more."""
    dead_before = await asyncio.to_thread(dead_letters)
    sku = await shop.stocked_product(on_hand=rush.units * 2)
    name = sales.apply(spec := _spec(sku, rush))
    sale = sales.sale_id(name)
    tokens = await shop.shoppers([f"syn_{name}-{number:05d}" for number in range(rush.buyers)])
    await sales.in_phase(name, "Queueing", "Live", within=60)
    history = History({token: customer for customer, token in tokens.items()})
    crowd = _crowd(rush, sale, tokens, history)
    async with sampled(shop, sale, rush.units) as samples:
        settled = partial(sales.in_phase, name, "Settled", "Aborted", "Failed", within=rush.lasts + 180)
        tally, status = await _together(crowd, Running(sale, name, samples, history), fault, settled)
    rows = await at_rest(sale)
    evidence = Evidence(history, rows, dead_before, await asyncio.to_thread(dead_letters))
    closes = datetime.fromisoformat(spec["window"]["end"]).timestamp()
    return Ended(status, samples, tally, sku, closes, evidence)


async def at_rest(sale: str, within: float = 60) -> Rows:
    """The sale's rows once nothing of them moves any more, or as they are after ``within`` seconds."""
    rows = await asyncio.to_thread(read_rows, sale)

    async def still() -> bool:
        nonlocal rows
        rows = await asyncio.to_thread(read_rows, sale)
        return not rows.moving

    try:
        await eventually(still, within=within, every=0.25)
    except AssertionError:
        return rows  # what still moves is for the rules to name
    return rows


def _spec(sku: str, rush: Rush) -> dict[str, Any]:
    admission = {"maxActive": rush.max_active, "ratePerSecond": rush.rate, "order": "Fifo", "preQueue": "10s"}
    ttl = f"{rush.hold_ttl:.0f}s"
    return sale_spec(sku, rush.units, opens_in=rush.opens_in, lasts=rush.lasts, holdTTL=ttl, admission=admission)


def _crowd(rush: Rush, sale: str, tokens: dict[str, str], history: History) -> Crowd:
    return Crowd(
        base_url=GATEWAY,
        sale=sale,
        tokens=tokens,
        plans=plans(rush.buyers, rush.mix, seed=11),
        patience_seconds=rush.lasts + 60,
        arrival_seconds=rush.arrival,
        connections=rush.connections,
        returning=rush.returning,
        observe=history.observe,
    )


async def _together(
    crowd: Crowd, running: Running, fault: Fault, settled: Callable[[], Awaitable[dict[str, Any]]]
) -> tuple[Tally, dict[str, Any]]:
    """The crowd to its end, and the sale's status at its end."""

    async def broken_and_settled() -> dict[str, Any]:
        await eventually(lambda: running.history.holds, within=90, every=0.1, what="the first unit held")
        await fault(running)
        status = await settled()
        crowd.hurried.set()  # nobody is served any more: who waits need not wait for the next turn to ask
        return status

    return await asyncio.gather(crowd.run(), broken_and_settled())


def watch_faults(samples: Samples, *, unseen: float = GAP_SECONDS, unviewed: float = GAP_SECONDS) -> list[str]:
    """What was seen to be wrong, or why too little was seen.

    ``unseen`` is for how many seconds the tables may be out of sight, ``unviewed`` the shop's own view.
    """
    rules = {
        f"only {len(samples.answered)} samples": len(samples.answered) >= 10,
        f"nobody looked for {samples.longest_gap:.1f} s": samples.longest_gap <= GAP_SECONDS,
        f"nothing was seen for {samples.longest_unseen:.1f} s": samples.longest_unseen <= unseen,
        f"the shop showed nothing for {samples.longest_unviewed:.1f} s": samples.longest_unviewed <= unviewed,
        f"an unpaid hold was {samples.most_late:.1f} s late": samples.most_late <= LATE_SECONDS,
    }
    return samples.broken + [what for what, kept in rules.items() if not kept]


def assert_watched(samples: Samples, *, unseen: float = GAP_SECONDS, unviewed: float = GAP_SECONDS) -> None:
    """Enough was seen, and nothing wrong."""
    assert not (seen := watch_faults(samples, unseen=unseen, unviewed=unviewed)), "\n".join(seen[:10])


async def assert_kept(
    shop: Shop, rush: Rush, ended: Ended, *, unseen: float = GAP_SECONDS, unviewed: float = GAP_SECONDS
) -> None:
    """Everything that must hold after any rush, whatever broke meanwhile."""
    stock = ended.status["stock"]
    assert not (found := anomalies(ended.evidence)), "\n".join(map(str, found[:10]))
    assert ended.status["phase"] == "Settled", ended.status
    assert_watched(ended.samples, unseen=unseen, unviewed=unviewed)
    assert ended.status["oversold"] == 0
    assert stock["held"] == 0 and stock["free"] == 0
    assert stock["sold"] + stock["returned"] == rush.units
    assert stock["sold"] == stock["allocated"]
    assert not ended.tally.outcomes[Outcome.OVER_LIMIT]
    assert ended.samples.peak_active <= rush.max_active
    general = await shop.stock(ended.sku)
    assert general["onHand"] == general["available"] + general["reserved"] == rush.units * 2 - stock["sold"]
    assert general["reserved"] == 0
