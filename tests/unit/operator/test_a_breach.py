"""Claims miss the objective while a sale is live: the sale reacts as onBreach says."""

from __future__ import annotations

from typing import Any

from support.sale_world import SALE_ID, World, spec

SLO = {"p95": "500ms", "successRate": 0.9, "window": "20s", "minSamples": 10}


def claims(world: World, good: int = 0, bad: int = 0) -> None:
    for outcome, count in (("held", good), ("store_unavailable", bad)):
        key = ("flash_sale_claims_total", outcome)
        world.claims.counters[key] = world.claims.counters.get(key, 0) + count
    bucket = ("flash_sale_claim_seconds_bucket", "0.1")
    world.claims.counters[bucket] = world.claims.counters.get(bucket, 0) + good + bad


async def breached(**fields: Any) -> World:
    """Live for a while, half of the claims fail."""
    world = World(spec(slo=SLO, **fields))
    await world.run(90)
    claims(world, good=50, bad=50)
    await world.run(3)
    return world


async def test_good_claims_keep_the_objective() -> None:
    world = World(spec(slo=SLO))
    await world.run(70)
    claims(world, good=100)
    await world.run(3)
    assert world.condition("SLOMet") == ("True", "ObjectiveMet")
    assert world.status["slo"] == {"p95Ms": 95, "successRate": 1.0, "samples": 100, "verdict": "Pass"}


async def test_throttle_halves_the_rate_and_gives_it_back_slowly() -> None:
    world = await breached(onBreach="Throttle")
    assert world.sale.admission == (20, 5)
    assert world.condition("SLOMet") == ("False", "ObjectiveMissed")
    assert world.condition("Ready") == ("False", "Throttled")
    await world.run(23)
    assert world.sale.admission == (20, 6)
    await world.run(120)
    assert world.sale.admission == (20, 10)
    assert world.condition("Ready") == ("True", "SaleOpen")
    events = {e["reason"] for place, e in world.cluster.objects.items() if "/events/" in place}
    assert {"Throttled", "ThrottleEased"} <= events


async def test_every_change_of_admission_has_a_key_of_its_own() -> None:
    world = await breached(onBreach="Throttle")
    await world.run(150)
    keys = [key for key in world.inventory.keys[SALE_ID] if ":admission-" in key]
    assert len(keys) == len(set(keys)) == 6


async def test_pause_lasts_one_window() -> None:
    world = await breached(onBreach="Pause")
    assert (world.phase, world.sale.state) == ("Paused", "PAUSED")
    assert world.condition("Ready") == ("False", "PausedByBreach")
    await world.run(22)
    assert (world.phase, world.sale.state) == ("Live", "LIVE")
    assert world.status["timeline"][-1]["reason"] == "Resumed"


async def test_a_pause_by_breach_outlives_the_operator() -> None:
    world = await breached(onBreach="Pause")
    world.start()
    await world.run(5)
    assert world.phase == "Paused"


async def test_abort_ends_the_sale() -> None:
    world = await breached(onBreach="Abort")
    await world.run(5)
    assert world.phase == "Aborted"
    assert world.status["timeline"][-2]["reason"] == "AbortedByBreach"
    assert world.inventory.stock["SKU1"] == 25


async def test_after_a_restart_there_is_no_verdict_until_new_claims_were_seen() -> None:
    world = World(spec(slo=SLO, onBreach="Abort"))
    await world.run(90)
    claims(world, good=50, bad=50)
    world.start()
    await world.run(4)
    assert world.phase == "Live"


async def test_a_pod_that_misses_a_scrape_aborts_no_sale_of_good_claims() -> None:
    world = World(spec(slo=SLO, onBreach="Abort"))
    world.claims.counters[("flash_sale_claims_total", "store_unavailable")] = 400
    await world.run(70)
    claims(world, good=20)
    await world.run(3)
    world.claims.silent = True
    await world.run(3)
    world.claims.silent = False
    claims(world, good=20)
    await world.run(5)
    assert (world.phase, world.condition("SLOMet")) == ("Live", ("True", "ObjectiveMet"))
