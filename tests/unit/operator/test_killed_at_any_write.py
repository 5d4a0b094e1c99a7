"""The operator is killed before or after any one of its writes and started again: the sale ends the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from amazonlite.common.core.clock import iso
from support.sale_world import NOON, PREWARM, SALE_ID, World, spec

Story = Callable[[World], Awaitable[None]]


async def bought_and_settled(world: World) -> None:
    await world.run(62)
    world.inventory.claim(SALE_ID, 4)
    await world.run(2)
    world.inventory.pay(SALE_ID, 4)
    world.change_spec(paused=True)
    await world.run(3)
    world.change_spec(paused=False)
    await world.run(15)


async def aborted(world: World) -> None:
    await world.run(62)
    world.inventory.claim(SALE_ID, 2)
    world.inventory.pay(SALE_ID, 2)
    world.change_spec(abort=True)
    await world.run(5)


async def deleted(world: World) -> None:
    await world.run(62)
    await world.delete()
    await world.run(5)


async def rehearsed(world: World) -> None:
    world.clock.advance(-40)
    await world.run(5)
    finish_rehearsal(world)
    await world.run(96)
    world.change_spec(abort=True)
    await world.run(5)


def finish_rehearsal(world: World) -> None:
    for place, found in world.cluster.objects.items():
        if "/jobs/" in place:
            found["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}


SHORT = {"window": {"start": iso(NOON + timedelta(minutes=1)), "end": iso(NOON + timedelta(seconds=75))}}
STORIES: dict[str, tuple[Story, dict[str, Any]]] = {
    "bought and settled": (bought_and_settled, {"prewarm": PREWARM}),
    "aborted": (aborted, {"prewarm": PREWARM}),
    "deleted": (deleted, {"prewarm": PREWARM}),
    "rehearsed": (rehearsed, {"prewarm": PREWARM, "rehearsal": {"customers": 10, "ratePerSecond": 5}}),
}


def ending(world: World) -> dict[str, Any]:
    """What must not depend on when the operator was killed."""
    sale = world.inventory.sales[SALE_ID]
    status = world.status if world.resource else {}
    return {
        "phase": status.get("phase"),
        "phases": world.phases if world.resource else None,
        "stock": status.get("stock"),
        "left": world.inventory.stock["SKU1"],
        "replicas": world.deployment()["spec"]["replicas"],
        "finalizers": world.resource["metadata"]["finalizers"] if world.resource else None,
        "conditions": [(c["type"], c["status"], c["reason"]) for c in status.get("conditions", [])],
        "sale": (sale.stock.free, sale.stock.held, sale.stock.sold, sale.stock.returned),
        "inventory": sale.history,
        "rehearsal": {key: s.state for key, s in world.inventory.sales.items() if key != SALE_ID},
        "jobs": [place for place in world.cluster.objects if "/jobs/" in place],
        "events": sorted(e["reason"] for place, e in world.cluster.objects.items() if "/events/" in place),
    }


@pytest.mark.parametrize("story", STORIES)
async def test_the_end_is_the_same(story: str) -> None:
    tell, fields = STORIES[story]
    undisturbed = World(spec(**SHORT, **fields))
    await tell(undisturbed)
    expected = ending(undisturbed)
    for moment, write in enumerate(undisturbed.writes):
        world = World(spec(**SHORT, **fields))
        world.kill_at = moment
        await tell(world)
        assert world.lives == 2, f"not killed at {moment} {write}"
        assert ending(world) == expected, f"killed at write {moment}: {write}"
        await asyncio.sleep(0)


async def test_two_kills_in_a_row_change_nothing_either() -> None:
    undisturbed = World(spec(**SHORT, prewarm=PREWARM))
    await bought_and_settled(undisturbed)
    for first in range(0, len(undisturbed.writes), 7):
        world = World(spec(**SHORT, prewarm=PREWARM))
        world.kill_at = first
        await world.run(1)
        world.kill_at = len(world.writes) + 1
        await bought_and_settled(world)
        assert ending(world)["sale"] == ending(undisturbed)["sale"]
        assert ending(world)["phase"] == "Settled"
