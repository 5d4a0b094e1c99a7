"""What cannot be observed stands in the status with its reason, and holds up no possible deletion."""

from __future__ import annotations

from typing import Any

import pytest

from amazonlite_operator.kube.api import ApiServerAway, KubeError
from amazonlite_operator.shop.client import Refusal, Unreachable
from support.sale_world import KEY, PREWARM, World, path_of, spec

JOBS = "/apis/batch/v1/"
REHEARSAL = {"customers": 10, "ratePerSecond": 5}


def stored(world: World) -> dict[str, Any]:
    return world.cluster.objects[path_of(KEY)]


def message(world: World, kind: str = "Stalled") -> str:
    return str(next(c for c in world.status["conditions"] if c["type"] == kind)["message"])


def refuse_inventory(world: World, refused: bool = True) -> None:
    """The operator's account is gone, or its scope."""

    async def refuse(sale_id: str) -> None:
        raise Refusal(403, "forbidden", "the scope flash-sales:operate is missing")

    world.inventory.view = refuse if refused else type(world.inventory).view.__get__(world.inventory)  # type: ignore[method-assign]


def forbid(world: World, part: str, status: int = 403) -> None:
    """The API server refuses to show objects whose path holds `part`."""
    get = world.cluster.get

    async def guarded(path: str) -> Any:
        if part in path:
            raise KubeError(status, f"cannot get {part}") if status else ApiServerAway("gone")
        return await get(path)

    world.cluster.get = guarded  # type: ignore[method-assign]


async def live(**fields: Any) -> World:
    world = World(spec(prewarm=PREWARM, **fields))
    await world.run(62)
    assert world.phase == "Live"
    return world


async def test_a_stored_spec_that_no_longer_validates_stalls_and_says_which_field() -> None:
    world = await live()
    before = world.status
    stored(world)["spec"]["holdTTL"] = "a while"
    assert await world.settle_down() == 10
    assert world.condition("Stalled") == ("True", "SpecInvalid")
    assert "holdTTL" in message(world)
    assert world.condition("Ready") == ("False", "SpecInvalid")
    assert {**world.status, "conditions": []} == {**before, "conditions": []}
    stored(world)["spec"]["holdTTL"] = "30s"
    await world.run(1)
    assert world.condition("Ready") == ("True", "SaleOpen")


async def test_deleting_needs_no_valid_spec() -> None:
    world = await live()
    stored(world)["spec"] = {"sku": 7}
    await world.delete()
    await world.run(5)
    assert world.resource is None
    assert world.inventory.stock["SKU1"] == 25
    assert world.deployment()["spec"]["replicas"] == 2


async def test_a_status_of_another_version_stalls_and_stays_as_it_is() -> None:
    world = await live()
    stored(world)["status"]["phase"] = "Haggling"
    await world.settle_down()
    assert world.condition("Stalled") == ("True", "StatusInvalid")
    assert "phase" in message(world)
    assert world.phase == "Haggling"


async def test_deleting_needs_no_status_that_validates() -> None:
    world = await live()
    stored(world)["status"]["phase"] = "Haggling"
    await world.delete()
    await world.run(5)
    assert world.resource is None
    assert world.inventory.stock["SKU1"] == 25
    assert world.deployment()["spec"]["replicas"] == 2


async def test_a_reason_of_another_version_keeps_its_name() -> None:
    world = World(spec())
    await world.run(800)
    stored(world)["status"]["timeline"][-1]["reason"] = "AllsWell"
    await world.settle_down()
    assert world.condition("Settled")[0] == "True"
    assert world.condition("Ready")[1] == "AllsWell"


async def test_refused_credentials_stall_and_heal() -> None:
    world = await live()
    refuse_inventory(world)
    await world.run(1)
    assert world.condition("Stalled") == ("True", "ShopRefuses")
    assert "the scope flash-sales:operate is missing" in message(world)
    refuse_inventory(world, False)
    await world.run(11)
    assert world.condition("Ready") == ("True", "SaleOpen")


async def test_deleting_with_refused_credentials_says_so_and_puts_replicas_back_meanwhile() -> None:
    world = await live()
    refuse_inventory(world)
    await world.delete()
    await world.run(3)
    assert world.condition("Stalled") == ("True", "ShopRefuses")
    assert world.deployment()["spec"]["replicas"] == 2
    refuse_inventory(world, False)
    await world.run(11)
    assert world.resource is None


async def test_orders_that_refuse_stall_the_settlement() -> None:
    world = await live()

    async def refuse(sale_id: str) -> None:
        raise Refusal(401, "token_invalid", "the client is unknown")

    world.books.books = refuse  # type: ignore[method-assign,assignment]
    await world.run(700)
    assert (world.phase, world.condition("Stalled")) == ("Draining", ("True", "ShopRefuses"))


@pytest.mark.parametrize("part", ["/deployments/", JOBS])
async def test_what_the_api_server_refuses_to_show_stalls(part: str) -> None:
    world = World(spec(rehearsal=REHEARSAL, prewarm=PREWARM))
    world.clock.advance(-120)
    await world.run(1)
    assert world.phase == "Rehearsing"
    forbid(world, part)
    await world.settle_down()
    assert world.condition("Stalled") == ("True", "ClusterRefuses")
    assert part in message(world)


async def test_deleting_gives_stock_back_although_the_api_server_refuses_to_show_replicas() -> None:
    world = await live()
    forbid(world, "/deployments/")
    await world.delete()
    await world.run(3)
    assert world.inventory.stock["SKU1"] == 25
    assert world.condition("Stalled") == ("True", "ClusterRefuses")
    assert world.resource is not None


async def test_what_the_api_server_refuses_to_change_stalls() -> None:
    world = World(spec(prewarm=PREWARM))
    merge = world.cluster.merge

    async def guarded(path: str, patch: Any) -> Any:
        if path.endswith("/scale"):
            raise KubeError(403, "cannot patch deployments/scale")
        return await merge(path, patch)

    world.cluster.merge = guarded  # type: ignore[method-assign]
    await world.run(62)
    assert world.condition("Stalled") == ("True", "ClusterRefuses")
    assert "deployments/scale" in message(world)


async def test_an_api_server_that_is_away_is_no_reason_to_stall() -> None:
    world = await live()
    forbid(world, "/deployments/", status=0)
    with pytest.raises(ApiServerAway):
        await world.reconciler(KEY)
    assert world.condition("Ready") == ("True", "SaleOpen")


async def test_another_sale_that_cannot_be_read_does_not_keep_replicas_raised() -> None:
    world = await live()
    other = {**stored(world), "status": {"phase": "Haggling"}}
    other["metadata"] = {**other["metadata"], "name": "other", "uid": "other"}
    world.cluster.objects[path_of(KEY).replace("/sale", "/other")] = other
    await world.delete()
    await world.run(3)
    assert world.deployment()["spec"]["replicas"] == 2


async def test_deployments_that_may_not_be_read_are_unknown_not_missing() -> None:
    world = await live()
    get = world.cluster.get
    forbid(world, "/deployments/")
    await world.settle_down()
    assert world.condition("CapacityReady") == ("Unknown", "ClusterRefuses")
    assert "/deployments/" in message(world, "CapacityReady")
    world.cluster.get = get  # type: ignore[method-assign]
    await world.run(11)
    assert world.condition("CapacityReady") == ("True", "ReplicasReady")
    assert world.condition("Ready") == ("True", "SaleOpen")


async def test_other_things_that_may_not_be_read_leave_capacity_known() -> None:
    world = World(spec(rehearsal=REHEARSAL, prewarm=PREWARM), replicas=3)
    world.clock.advance(-120)
    await world.run(1)
    forbid(world, JOBS)
    await world.settle_down()
    assert world.condition("Stalled") == ("True", "ClusterRefuses")
    assert world.condition("CapacityReady") == ("True", "ReplicasReady")


@pytest.mark.parametrize("unreadable", [{"status": {"phase": "Haggling"}}, {"spec": {"holdTTL": "a while"}}])
async def test_an_abort_stops_claims_although_the_resource_cannot_be_read(unreadable: dict[str, Any]) -> None:
    world = await live()
    for part, fields in unreadable.items():
        stored(world)[part] |= fields
    world.change_spec(abort=True)
    await world.settle_down()
    assert world.sale.state == "ABORTED"
    assert world.condition("Stalled")[1] in ("StatusInvalid", "SpecInvalid")


@pytest.mark.parametrize("fault", [Unreachable("read"), Refusal(403, "forbidden", "no right to read")])
async def test_an_abort_stops_claims_although_inventory_cannot_be_read(fault: Exception) -> None:
    world = await live()
    view = world.inventory.view

    async def unreadable(sale_id: str) -> Any:
        raise fault

    world.inventory.view = unreadable  # type: ignore[method-assign]
    world.change_spec(abort=True)
    await world.settle_down()
    assert world.sale.state == "ABORTED"
    assert world.phase == "Draining"
    world.inventory.view = view  # type: ignore[method-assign]
    await world.run(11)
    assert (world.phase, world.condition("Ready")) == ("Aborted", ("True", "SaleAborted"))


async def test_an_abort_stops_claims_although_neither_the_status_nor_inventory_can_be_read() -> None:
    world = await live()

    async def unreadable(sale_id: str) -> Any:
        raise Unreachable("read")

    world.inventory.view = unreadable  # type: ignore[method-assign]
    stored(world)["status"]["phase"] = "Haggling"
    world.change_spec(abort=True)
    await world.settle_down()
    assert world.sale.state == "ABORTED"


async def test_an_abort_waits_for_no_deployment() -> None:
    world = await live()
    forbid(world, "/deployments/", status=0)
    world.change_spec(abort=True)
    with pytest.raises(ApiServerAway):
        await world.reconciler(KEY)
    assert world.sale.state == "ABORTED"


async def test_an_abort_is_tried_every_second_while_inventory_is_away() -> None:
    world = await live()
    world.inventory.up = False
    world.change_spec(abort=True)
    for _ in range(20):
        assert await world.settle_down() == 1
        world.clock.advance(1)
    assert world.condition("Reconciling") == ("True", "InventoryUnavailable")
    world.inventory.up = True
    await world.settle_down()
    assert world.sale.state == "ABORTED"
