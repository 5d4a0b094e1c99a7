"""A FlashSale in a world of fakes, from its first look to its last."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from amazonlite_operator.kind.evidence import digest
from amazonlite_operator.kube.lease import LeadershipLost
from support.sale_world import KEY, NOON, PREWARM, SALE_ID, World, spec


async def sell(world: World, units: int) -> None:
    """Somebody claims and pays while the sale is live."""
    world.inventory.claim(SALE_ID, units)
    await world.run(1)
    world.inventory.pay(SALE_ID, units)


async def test_stock_is_set_aside_at_once_and_the_sale_waits_ready() -> None:
    world = World(spec())
    await world.run(1)
    assert world.inventory.stock["SKU1"] == 15
    assert world.phase == "Pending"
    assert world.condition("Ready") == ("True", "Scheduled")
    assert world.status["observedGeneration"] == 1
    assert world.resource is not None and world.resource["metadata"]["finalizers"] == ["amazonlite.dev/flash-sale"]


async def test_the_finalizer_is_there_before_the_first_effect() -> None:
    world = World(spec())
    await world.run(1)
    assert world.writes.index("before allocate") > world.writes.index("after sale merge")


async def test_a_sale_goes_through_its_phases_and_settles() -> None:
    world = World(spec(prewarm=PREWARM))
    await world.run(65)
    assert world.phase == "Live"
    assert world.status["lateSeconds"] == 0
    await sell(world, 4)
    await world.run(700)
    assert world.phases == ["Pending", "Prewarming", "Queueing", "Live", "Draining", "Settled"]
    assert world.status["stock"] == {"allocated": 4, "free": 0, "held": 0, "sold": 4, "returned": 6}
    assert world.inventory.stock["SKU1"] == 25 - 4
    assert world.deployment()["spec"]["replicas"] == 2
    assert world.condition("Ready") == ("True", "SaleSettled")
    assert world.condition("Settled") == ("True", "BooksBalanced")
    assert world.condition("StockConserved")[0] == "True"
    assert world.resource is not None and world.resource["metadata"]["finalizers"] == []


async def test_the_evidence_carries_the_digest_in_the_status_and_belongs_to_the_sale() -> None:
    world = World(spec())
    await world.run(800)
    evidence = world.status["evidence"]
    found = world.cluster.objects[f"/api/v1/namespaces/amazonlite/configmaps/{evidence['configMap']}"]
    assert digest(found["data"]) == evidence["sha256"]
    assert found["metadata"]["ownerReferences"][0]["kind"] == "FlashSale"
    assert "Settled" in found["data"]["evidence.md"]


async def test_a_sold_out_sale_ends_before_its_window() -> None:
    world = World(spec())
    await world.run(62)
    await sell(world, 10)
    await world.run(20)
    assert world.phase == "Settled"
    assert world.status["timeline"][-2]["reason"] == "SoldOut"
    assert world.clock.now() < NOON + timedelta(minutes=2)


async def test_held_units_keep_the_sale_draining_until_they_are_paid_or_released() -> None:
    world = World(spec())
    await world.run(62)
    world.inventory.claim(SALE_ID, 3)
    await world.run(700)
    assert world.phase == "Draining"
    assert world.condition("Settled") == ("False", "HoldsOutstanding")
    world.inventory.expire(SALE_ID)
    await world.run(10)
    assert world.phase == "Settled"
    assert world.inventory.stock["SKU1"] == 25


async def test_the_doors_stay_closed_until_replicas_are_ready_not_only_desired() -> None:
    world = World(spec(prewarm=PREWARM))
    world.capacity_arrives = False
    await world.run(90)
    assert world.phase == "Prewarming"
    assert world.deployment()["spec"]["replicas"] == 3
    assert world.condition("CapacityReady") == ("False", "ReplicasNotReady")
    world.capacity_arrives = True
    await world.run(5)
    assert world.phase == "Live"
    assert 28 <= world.status["lateSeconds"] <= 36
    assert "after window.start" in world.status["timeline"][-1]["message"]


async def test_a_target_already_bigger_is_not_shrunk_and_not_touched_at_the_end() -> None:
    world = World(spec(prewarm=PREWARM), replicas=5)
    await world.run(800)
    assert world.phase == "Settled"
    assert world.deployment()["spec"]["replicas"] == 5


async def test_a_target_that_a_person_scaled_since_stays_as_it_is() -> None:
    world = World(spec(prewarm=PREWARM))
    await world.run(65)
    world.deployment()["spec"]["replicas"] = 7
    await world.run(800)
    assert world.phase == "Settled"
    assert world.deployment()["spec"]["replicas"] == 7


async def test_a_target_scaled_below_its_floor_is_raised_again() -> None:
    world = World(spec(prewarm=PREWARM))
    await world.run(65)
    world.deployment()["spec"]["replicas"] = 1
    await world.run(5)
    assert world.deployment()["spec"]["replicas"] == 3


async def test_pausing_stops_claims_and_going_on_lets_them_in_again() -> None:
    world = World(spec())
    await world.run(62)
    world.change_spec(paused=True)
    await world.run(3)
    assert (world.phase, world.sale.state) == ("Paused", "PAUSED")
    assert world.condition("Ready") == ("True", "PausedBySpec")
    world.change_spec(paused=False)
    await world.run(3)
    assert (world.phase, world.sale.state) == ("Live", "LIVE")


async def test_aborting_keeps_what_is_paid_and_returns_the_rest() -> None:
    world = World(spec(prewarm=PREWARM))
    await world.run(62)
    await sell(world, 2)
    world.change_spec(abort=True)
    await world.run(5)
    assert world.phase == "Aborted"
    assert world.sale.stock.sold == 2
    assert world.inventory.stock["SKU1"] == 23
    assert world.deployment()["spec"]["replicas"] == 2
    assert world.condition("Settled") == ("True", "BooksBalanced")
    assert world.condition("Ready") == ("True", "SaleAborted")


async def test_aborting_stops_claims_before_anything_else_is_written() -> None:
    world = World(spec())
    await world.run(62)
    world.change_spec(abort=True)
    world.writes.clear()
    await world.run(1)
    assert world.writes[0] == "before state ABORTED"


async def test_aborting_before_the_first_observation_sets_nothing_aside() -> None:
    world = World(spec(abort=True))
    await world.run(5)
    assert world.phase == "Aborted"
    assert world.inventory.stock == {"SKU1": 25}


async def test_a_window_that_is_over_before_the_first_observation_fails() -> None:
    world = World(spec())
    world.clock.advance(3600)
    await world.run(5)
    assert world.phase == "Failed"
    assert world.condition("Stalled") == ("True", "WindowMissed")
    assert world.inventory.stock == {"SKU1": 25}


@pytest.mark.parametrize("at", [1, 45, 62, 700])
async def test_deleting_gives_back_stock_and_replicas_whatever_the_phase(at: float) -> None:
    world = World(spec(prewarm=PREWARM))
    await world.run(at)
    await world.delete()
    await world.run(10)
    assert world.resource is None
    assert world.inventory.stock["SKU1"] == 25
    assert world.deployment()["spec"]["replicas"] == 2


async def test_deleting_works_when_inventory_has_never_heard_of_the_sale() -> None:
    world = World(spec(prewarm=PREWARM))
    await world.run(45)
    world.inventory.sales.clear()
    await world.delete()
    await world.run(5)
    assert world.resource is None
    assert world.deployment()["spec"]["replicas"] == 2


async def test_deleting_waits_for_inventory_but_puts_replicas_back_meanwhile() -> None:
    world = World(spec(prewarm=PREWARM))
    await world.run(62)
    world.inventory.up = False
    await world.delete()
    await world.run(5)
    assert world.resource is not None
    assert world.deployment()["spec"]["replicas"] == 2
    world.inventory.up = True
    await world.run(5)
    assert world.resource is None
    assert world.inventory.stock["SKU1"] == 25


async def test_a_sale_deleted_before_it_was_known_can_never_take_stock() -> None:
    world = World(spec(quantity=26))
    await world.run(1)
    await world.delete()
    await world.run(5)
    assert world.resource is None
    assert world.sale.state == "ABORTED"


STALLS: list[tuple[dict[str, Any], str]] = [
    ({"sku": "NOSUCH"}, "UnknownSku"),
    ({"quantity": 26}, "InsufficientStock"),
    ({"prewarm": {"leadTime": "40s", "targets": [{"deployment": "ghost", "replicas": 1}]}}, "DeploymentNotFound"),
]


@pytest.mark.parametrize(("fields", "reason"), STALLS)
async def test_what_only_a_person_can_change_stalls_with_its_reason(fields: dict[str, Any], reason: str) -> None:
    world = World(spec(**fields))
    await world.run(1)
    assert world.condition("Stalled") == ("True", reason)
    assert world.condition("Ready") == ("False", reason)
    assert world.condition("Reconciling")[0] == "False"


async def test_too_little_stock_heals_when_stock_arrives() -> None:
    world = World(spec(quantity=26))
    await world.run(1)
    world.inventory.stock["SKU1"] = 30
    await world.run(12)
    assert world.condition("Stalled")[0] == "False"
    assert world.condition("Ready") == ("True", "Scheduled")


async def test_a_missing_deployment_heals_when_it_appears() -> None:
    world = World(spec(prewarm={"leadTime": "40s", "targets": [{"deployment": "late", "replicas": 1}]}))
    await world.run(30)
    assert world.condition("Stalled") == ("True", "DeploymentNotFound")
    world.add_deployment("late", 1)
    await world.run(40)
    assert world.phase == "Live"


async def test_a_mismatch_of_the_books_fails_only_after_the_settle_timeout() -> None:
    world = World(spec())
    await world.run(62)
    await sell(world, 10)
    world.books.missing_orders = 1
    await world.run(30)
    assert world.condition("Settled") == ("False", "AwaitingBooks")
    await world.run(60)
    assert world.phase == "Failed"
    assert world.condition("Settled") == ("False", "ReconciliationMismatch")
    assert "10 sold, 9 ordered" in world.status["outcome"]["message"]
    assert "evidence" in world.status


async def test_orders_under_way_are_waited_for() -> None:
    world = World(spec())
    await world.run(62)
    await sell(world, 10)
    world.books.orders_in_flight = 1
    await world.run(20)
    assert world.phase == "Draining"
    world.books.orders_in_flight = 0
    await world.run(3)
    assert world.phase == "Settled"


async def test_a_stale_fence_makes_the_replica_step_back() -> None:
    world = World(spec())
    await world.run(62)
    world.sale.fence = 99
    world.change_spec(paused=True)
    with pytest.raises(LeadershipLost, match="seen 99"):
        await world.reconciler(KEY)
    assert world.lease.stepped_back
    assert world.lease.above == 99


async def test_nothing_is_written_while_nothing_changes() -> None:
    world = World(spec())
    await world.run(62)
    await world.settle_down()
    world.writes.clear()
    await world.settle_down()
    assert world.writes == []


async def test_one_event_a_phase_change_also_after_a_restart() -> None:
    world = World(spec())
    await world.run(62)
    world.start()
    await world.run(30)
    events = [found for place, found in world.cluster.objects.items() if "/events/" in place]
    assert [e["reason"] for e in events] == ["Scheduled", "RaisingReplicas", "QueueOpen", "SaleOpen"]


async def test_a_terminal_sale_keeps_up_with_its_generation() -> None:
    world = World(spec())
    await world.run(800)
    world.change_spec(paused=True)
    await world.settle_down()
    assert world.phase == "Settled"
    assert world.status["observedGeneration"] == 2


WIDER = {"leadTime": "40s", "targets": [*PREWARM["targets"], {"deployment": "late", "replicas": 2}]}


async def live_and_wider() -> World:
    """A target that does not exist is added to a live sale."""
    world = World(spec(prewarm=PREWARM))
    await world.run(62)
    world.change_spec(prewarm=WIDER)
    await world.run(3)
    return world


async def test_a_missing_target_of_a_live_sale_stalls_it_while_it_goes_on_selling() -> None:
    world = await live_and_wider()
    assert (world.phase, world.sale.state) == ("Live", "LIVE")
    assert world.condition("CapacityReady") == ("False", "DeploymentNotFound")
    assert world.condition("Ready") == ("False", "DeploymentNotFound")
    assert world.condition("Stalled") == ("True", "DeploymentNotFound")


async def test_a_target_added_to_a_live_sale_is_raised_and_put_back() -> None:
    world = await live_and_wider()
    world.add_deployment("late", 1)
    await world.run(5)
    assert world.deployment("late")["spec"]["replicas"] == 2
    assert (world.condition("CapacityReady")[0], world.condition("Ready")) == ("True", ("True", "SaleOpen"))
    await world.run(700)
    assert (world.phase, world.deployment("late")["spec"]["replicas"]) == ("Settled", 1)


@pytest.mark.parametrize("paused", [False, True])
async def test_a_sale_with_too_few_replicas_is_not_ready(paused: bool) -> None:
    world = World(spec(prewarm=PREWARM, paused=False))
    await world.run(62)
    world.change_spec(paused=paused)
    world.capacity_arrives = False
    world.deployment()["status"]["readyReplicas"] = 2
    await world.run(6)
    assert world.condition("CapacityReady") == ("False", "ReplicasNotReady")
    assert world.condition("Ready") == ("False", "ReplicasNotReady")
    assert world.condition("Reconciling")[0] == "True"


async def test_a_pod_lost_while_the_waiting_room_is_open_shows_in_both_conditions() -> None:
    world = World(spec(prewarm=PREWARM))
    await world.run(50)
    assert (world.phase, world.condition("Ready")) == ("Queueing", ("True", "QueueOpen"))
    world.capacity_arrives = False
    world.deployment()["status"]["readyReplicas"] = 2
    await world.run(6)
    assert world.condition("Ready") == ("False", "ReplicasNotReady")


async def test_a_sale_with_nothing_free_says_sold_out_until_a_unit_comes_back() -> None:
    world = World(spec())
    await world.run(62)
    world.inventory.claim(SALE_ID, 10)
    await world.run(3)
    assert (world.phase, world.condition("Ready")) == ("Live", ("True", "SoldOut"))
    world.inventory.expire(SALE_ID)
    await world.run(3)
    assert world.condition("Ready") == ("True", "SaleOpen")


async def test_a_sold_out_sale_that_drains_is_not_ready_yet() -> None:
    world = World(spec())
    await world.run(62)
    await sell(world, 10)
    world.books.up = False
    await world.run(5)
    assert world.phase == "Draining"
    assert world.condition("Ready") == ("False", "AwaitingBooks")
