"""A sale that is over is never in progress, and how it ended is told apart, by the conditions that other tools read."""

from __future__ import annotations

from typing import Any

import pytest

from amazonlite_operator.flash_sale.crd import FLASH_SALES
from amazonlite_operator.kube.crd import manifest
from support.kstatus import kstatus
from support.sale_world import KEY, PREWARM, SALE_ID, World, path_of, spec

SLO = {"p95": "500ms", "successRate": 0.9, "window": "20s", "minSamples": 10}


def read(world: World) -> tuple[str, str, str]:
    """(phase, kstatus, reason of Ready)"""
    return world.phase, kstatus(world.cluster.objects[path_of(KEY)]), world.condition("Ready")[1]


async def test_a_settled_sale_is_current() -> None:
    world = World(spec())
    await world.run(800)
    assert read(world) == ("Settled", "Current", "SaleSettled")


async def test_a_sale_that_a_person_aborted_is_as_its_spec_asks() -> None:
    world = World(spec())
    await world.run(62)
    world.change_spec(abort=True)
    await world.run(5)
    assert read(world) == ("Aborted", "Current", "SaleAborted")


async def test_a_sale_that_a_breach_aborted_has_failed() -> None:
    world = World(spec(slo=SLO, onBreach="Abort"))
    await world.run(90)
    world.claims.counters = {("flash_sale_claims_total", "store_unavailable"): 100}
    await world.run(10)
    assert read(world) == ("Aborted", "Failed", "AbortedByBreach")
    assert world.condition("Settled") == ("True", "BooksBalanced")


async def test_a_sale_that_missed_its_window_has_failed() -> None:
    world = World(spec())
    world.clock.advance(3600)
    await world.run(5)
    assert read(world) == ("Failed", "Failed", "WindowMissed")


async def test_a_sale_whose_books_differ_has_failed() -> None:
    world = World(spec())
    await world.run(62)
    world.inventory.claim(SALE_ID, 10)
    world.inventory.pay(SALE_ID, 10)
    world.books.missing_orders = 1
    await world.run(120)
    assert read(world) == ("Failed", "Failed", "ReconciliationMismatch")


@pytest.mark.parametrize("over", [{}, {"abort": True}])
async def test_a_change_of_a_sale_that_is_over_is_observed(over: dict[str, Any]) -> None:
    world = World(spec(**over))
    await world.run(800)
    world.change_spec(paused=True)
    assert kstatus(world.cluster.objects[path_of(KEY)]) == "InProgress"
    await world.settle_down()
    assert kstatus(world.cluster.objects[path_of(KEY)]) == "Current"


async def test_never_are_two_of_the_three_true() -> None:
    world = World(spec(prewarm=PREWARM, slo=SLO))
    for _ in range(250):
        await world.run(3)
        three = [world.condition(kind)[0] for kind in ("Ready", "Reconciling", "Stalled")]
        assert sorted(three) == ["False", "False", "True"], world.phase
    assert world.phase == "Settled"


def test_a_resource_that_nobody_has_observed_yet_is_in_progress() -> None:
    """The API server gives it this status when it is created."""
    schema = manifest(FLASH_SALES)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    made = {"metadata": {"generation": 1}, "status": schema["properties"]["status"]["default"]}
    assert kstatus(made) == "InProgress"
