"""Two sales hold replicas of the same Deployment: whoever ends last puts back what was there before both."""

from __future__ import annotations

import asyncio
from typing import Any

from amazonlite_operator.kube.controller import Key
from support.sale_world import KEY, PREWARM, World, path_of, spec

OTHER = Key("amazonlite", "other")


def world_of_two() -> World:
    world = World(spec(prewarm=PREWARM))
    world.inventory.stock["SKU2"] = 25
    first = world.cluster.objects[path_of(KEY)]
    metadata = {**first["metadata"], "name": "other", "uid": "0b9d2a54-0000-4000-8000-000000000002"}
    world.cluster.objects[path_of(OTHER)] = {**first, "metadata": metadata, "spec": {**first["spec"], "sku": "SKU2"}}
    return world


def answer_slowly(world: World) -> None:
    """Every read lets the other worker go on first."""
    for name in ("get", "items"):
        read = getattr(world.cluster, name)

        async def slowly(*arguments: Any, read: Any = read, **more: Any) -> Any:
            await asyncio.sleep(0)
            found = await read(*arguments, **more)
            for _ in range(5):
                await asyncio.sleep(0)
            return found

        setattr(world.cluster, name, slowly)


async def both(world: World, seconds: int) -> None:
    for _ in range(seconds):
        await asyncio.gather(world.reconciler(KEY), world.reconciler(OTHER))
        world.clock.advance(1)
        world.make_ready()


async def test_two_sales_that_end_together_leave_no_replicas_raised() -> None:
    world = world_of_two()
    await both(world, 70)
    assert world.deployment()["spec"]["replicas"] == 3
    answer_slowly(world)
    for key in (KEY, OTHER):
        world.cluster.change_spec(path_of(key), abort=True)
    await both(world, 5)
    phases = [world.cluster.objects[path_of(key)]["status"]["phase"] for key in (KEY, OTHER)]
    assert phases == ["Aborted", "Aborted"]
    assert world.deployment()["spec"]["replicas"] == 2


async def test_a_sale_that_begins_while_another_ends_has_its_replicas() -> None:
    world = world_of_two()
    for _ in range(65):
        await world.reconciler(KEY)
        world.clock.advance(1)
        world.make_ready()
    answer_slowly(world)
    world.cluster.change_spec(path_of(KEY), abort=True)
    await both(world, 10)
    assert world.cluster.objects[path_of(OTHER)]["status"]["phase"] == "Live"
    assert world.deployment()["spec"]["replicas"] == 3
    world.cluster.change_spec(path_of(OTHER), abort=True)
    await both(world, 5)
    assert world.deployment()["spec"]["replicas"] == 2
