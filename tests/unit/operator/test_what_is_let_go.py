"""A finalizer goes only once inventory says that it holds nothing of the sale and never will."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from amazonlite_operator.shop.client import Refusal, Step
from support.sale_world import KEY, NOON, SALE_ID, Killed, World, spec


async def killed_after(world: World, write: str) -> None:
    """The operator has made this write, and nothing of it is in the status."""

    def interrupt(moment: str) -> None:
        if moment == f"after {write}":
            raise Killed(moment)

    world.inventory.interrupt = interrupt
    with pytest.raises(Killed):
        await world.reconciler(KEY)
    world.inventory.interrupt = lambda moment: None
    world.start()


def finalizers(world: World) -> list[str]:
    assert world.resource is not None
    return list(world.resource["metadata"]["finalizers"])


async def refused_from_now_on(world: World, sale_id: str = SALE_ID) -> None:
    """An allocation that was under way when the finalizer went arrives after it."""
    body: dict[str, Any] = {"sku": "SKU1", "quantity": 10}
    with pytest.raises(Refusal):
        await world.inventory.allocate(sale_id, body, Step("late", 99))
    assert world.inventory.stock["SKU1"] == 25


async def test_units_set_aside_before_a_kill_come_back_when_the_window_is_missed() -> None:
    world = World(spec())
    await killed_after(world, "allocate")
    assert world.inventory.stock["SKU1"] == 15
    world.clock.advance(3600)
    await world.run(5)
    assert (world.phase, world.condition("Stalled")) == ("Failed", ("True", "WindowMissed"))
    assert world.inventory.stock["SKU1"] == 25
    assert finalizers(world) == []


async def test_a_window_missed_while_inventory_is_away_is_failed_once_it_answers() -> None:
    world = World(spec())
    await killed_after(world, "allocate")
    world.clock.advance(3600)
    world.inventory.up = False
    await world.run(5)
    assert (world.phase, world.condition("Ready")) == ("Pending", ("False", "InventoryUnavailable"))
    assert finalizers(world) != []
    world.inventory.up = True
    await world.run(5)
    assert world.phase == "Failed"
    assert world.inventory.stock["SKU1"] == 25


async def test_a_missed_sale_can_never_take_stock() -> None:
    world = World(spec())
    world.clock.advance(3600)
    await world.run(5)
    assert world.phase == "Failed"
    await refused_from_now_on(world)


async def test_a_sale_aborted_before_it_was_allocated_can_never_take_stock() -> None:
    world = World(spec(abort=True))
    await world.run(5)
    assert world.phase == "Aborted"
    await refused_from_now_on(world)


async def test_a_rehearsal_that_was_being_allocated_can_never_take_a_shadow() -> None:
    world = World(spec(rehearsal={"customers": 10, "ratePerSecond": 5}))
    world.clock.advance(-60)
    await world.run(1)
    assert world.phase == "Rehearsing"
    del world.inventory.sales[f"{SALE_ID}r"]
    await world.delete()
    await world.run(5)
    assert world.resource is None
    await refused_from_now_on(world, f"{SALE_ID}r")


async def test_a_sale_that_is_over_keeps_its_finalizer_and_its_verdict_until_inventory_answers() -> None:
    world = World(spec())
    await world.run(800)
    assert world.resource is not None
    world.resource["metadata"]["finalizers"] = ["amazonlite.dev/flash-sale"]
    world.inventory.up = False
    await world.run(3)
    assert finalizers(world) != []
    assert world.condition("Ready") == ("True", "SaleSettled")
    world.inventory.up = True
    await world.run(3)
    assert finalizers(world) == []
    assert world.clock.now() > NOON + timedelta(minutes=11)
