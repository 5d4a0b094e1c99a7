from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from amazonlite.common.core.clock import iso
from amazonlite_operator.shop.synthetic import Tally
from support.sale_world import KEY, NOON, PREWARM, SALE_ID, UID, Killed, World, spec

JOB = "/apis/batch/v1/namespaces/amazonlite/jobs/sale-rehearsal"
REHEARSAL = {"customers": 10, "ratePerSecond": 5}
SLO = {"p95": "500ms", "successRate": 0.9}


async def under_way(**fields: Any) -> World:
    world = World(spec(rehearsal=REHEARSAL, **fields))
    world.clock.advance(-60)
    await world.run(5)
    assert world.phase == "Rehearsing"
    return world


def end(world: World, condition: str, report: dict[str, Any] | None = None) -> None:
    """The Job's pod has written its summary and ended."""
    world.cluster.objects[JOB]["status"] = {"conditions": [{"type": condition, "status": "True"}]}
    uid = world.cluster.objects[JOB]["metadata"]["uid"]
    labels = {"app.kubernetes.io/name": "flash-sale-rehearsal", "batch.kubernetes.io/controller-uid": uid}
    terminated = {"message": json.dumps(report) if report else "Killed"}
    world.cluster.objects["/api/v1/namespaces/amazonlite/pods/p"] = {
        "kind": "Pod",
        "metadata": {"name": "p", "labels": labels},
        "status": {"containerStatuses": [{"state": {"terminated": terminated}}]},
    }


def report(**fields: Any) -> dict[str, Any]:
    return {"customers": 10, "admitted": 10, "claimed": 10, "errors": 0, "successRate": 1.0, "p95Ms": 80, **fields}


async def test_customers_buy_a_shadow_and_its_units_are_not_the_sales() -> None:
    world = await under_way()
    shadow = world.inventory.sales[f"{SALE_ID}r"]
    assert (shadow.state, shadow.terms["rehearsal"]) == ("LIVE", True)
    assert world.inventory.stock["SKU1"] == 15


async def test_the_job_is_locked_down_and_owned_by_the_sale() -> None:
    world = await under_way()
    job = world.cluster.objects[JOB]
    pod = job["spec"]["template"]["spec"]
    assert job["metadata"]["ownerReferences"][0]["name"] == "sale"
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


async def test_a_good_rehearsal_passes_and_leaves_nothing() -> None:
    world = await under_way(slo=SLO)
    end(world, "Complete", report())
    await world.run(5)
    assert world.status["rehearsal"]["reason"] == "RehearsalPassed"
    assert world.status["rehearsal"]["claimed"] == 10
    assert JOB not in world.cluster.objects
    assert world.inventory.sales[f"{SALE_ID}r"].state == "ABORTED"


async def test_a_slow_rehearsal_fails_is_told_and_the_sale_goes_on() -> None:
    world = await under_way(slo=SLO)
    end(world, "Complete", report(p95Ms=900))
    await world.run(120)
    assert world.status["rehearsal"]["reason"] == "RehearsalFailed"
    assert world.phase == "Live"
    warnings = [e["reason"] for place, e in world.cluster.objects.items() if e.get("type") == "Warning"]
    assert warnings == ["RehearsalFailed"]


async def test_a_job_that_dies_without_a_word_is_a_failed_rehearsal() -> None:
    world = await under_way()
    end(world, "Failed")
    await world.run(5)
    assert world.status["rehearsal"]["reason"] == "RehearsalFailed"


async def test_a_rehearsal_that_takes_too_long_ends_when_the_waiting_room_opens() -> None:
    world = await under_way()
    await world.run(120)
    assert world.status["rehearsal"]["reason"] == "RehearsalCutShort"
    assert world.phase == "Live"
    assert world.status["lateSeconds"] == 0
    assert JOB not in world.cluster.objects


async def test_without_time_for_it_the_rehearsal_is_skipped() -> None:
    world = World(spec(rehearsal=REHEARSAL))
    world.clock.advance(30)
    await world.run(1)
    assert world.status["rehearsal"]["reason"] == "RehearsalSkipped"


def test_the_summary_counts_correct_refusals_as_answers() -> None:
    tally = Tally(10, admitted=9, claimed=6, refused=2, errors=1, claim_seconds=[n / 100 for n in range(1, 21)])
    assert tally.summary() == {
        "customers": 10,
        "admitted": 9,
        "claimed": 6,
        "errors": 1,
        "successRate": 0.88889,
        "p95Ms": 190,
    }


def test_a_rehearsal_nobody_got_into_has_no_p95() -> None:
    assert Tally(10).summary()["successRate"] == 0.0
    assert "p95Ms" not in Tally(10).summary()


async def test_a_hanging_rehearsal_leaves_the_lead_time_to_the_replicas() -> None:
    world = await under_way(prewarm=PREWARM)
    await world.run(26)  # 60 s before noon, and prewarming begins 20 s after it
    assert world.phase == "Rehearsing"
    await world.run(50)
    assert world.status["rehearsal"]["reason"] == "RehearsalCutShort"
    prewarming = next(step for step in world.status["timeline"] if step["phase"] == "Prewarming")
    assert prewarming["at"] == iso(NOON + timedelta(seconds=20))
    await world.run(50)
    assert (world.phase, world.status["lateSeconds"]) == ("Live", 0)


async def test_without_time_before_prewarming_the_rehearsal_is_skipped() -> None:
    world = World(spec(rehearsal=REHEARSAL, prewarm=PREWARM))
    await world.run(1)
    assert world.status["rehearsal"]["reason"] == "RehearsalSkipped"


async def test_a_rehearsal_taken_out_of_the_spec_ends_and_is_told() -> None:
    world = await under_way()
    world.change_spec(rehearsal=None)
    await world.run(3)
    assert world.status["rehearsal"]["reason"] == "RehearsalWithdrawn"
    assert JOB not in world.cluster.objects
    await world.run(120)
    assert world.phase == "Live"


async def test_a_rehearsal_taken_out_of_the_spec_before_its_job_was_started_ends_too() -> None:
    world = World(spec(rehearsal=REHEARSAL))
    world.clock.advance(-60)
    world.kill_at = next(n for n, write in enumerate(await rehearsed_writes()) if write == "before create Job")
    with pytest.raises(Killed):
        await world.reconciler(KEY)
    world.start()
    world.change_spec(rehearsal=None)
    await world.run(3)
    assert world.status["rehearsal"]["reason"] == "RehearsalWithdrawn"
    assert JOB not in world.cluster.objects


async def rehearsed_writes() -> list[str]:
    return (await under_way()).writes


def leave_a_job(world: World) -> None:
    """Of an earlier sale of the same name, long over."""
    owner = {"kind": "FlashSale", "name": "sale", "uid": "an-earlier-one", "controller": True}
    world.cluster.objects[JOB] = {
        "kind": "Job",
        "metadata": {"name": "sale-rehearsal", "uid": "old-job", "ownerReferences": [owner], "resourceVersion": "0"},
        "status": {"conditions": [{"type": "Complete", "status": "True"}]},
    }


async def test_a_leftover_job_of_a_sale_of_the_same_name_is_not_taken_for_this_ones() -> None:
    world = World(spec(rehearsal=REHEARSAL))
    world.clock.advance(-60)
    leave_a_job(world)
    await world.run(5)
    assert (world.phase, world.status["rehearsal"].get("reason")) == ("Rehearsing", "")
    assert world.cluster.objects[JOB]["metadata"]["uid"] == "old-job"
    del world.cluster.objects[JOB]  # the garbage collector is there
    await world.run(2)
    assert world.cluster.objects[JOB]["metadata"]["ownerReferences"][0]["uid"] == UID


async def test_a_leftover_job_that_stays_cuts_the_rehearsal_short_and_is_left_alone() -> None:
    world = World(spec(rehearsal=REHEARSAL))
    world.clock.advance(-60)
    leave_a_job(world)
    await world.run(125)
    assert world.status["rehearsal"]["reason"] == "RehearsalCutShort"
    assert (world.phase, JOB in world.cluster.objects) == ("Live", True)


async def test_a_job_that_is_being_deleted_is_waited_for() -> None:
    world = await under_way()
    world.cluster.objects[JOB]["metadata"] |= {"deletionTimestamp": iso(NOON), "finalizers": ["foregroundDeletion"]}
    assert await world.settle_down() == 1
    assert world.phase == "Rehearsing"


async def test_what_pods_of_another_job_of_that_name_reported_is_not_read() -> None:
    world = await under_way(slo=SLO)
    end(world, "Complete", report(p95Ms=900))
    pod = world.cluster.objects["/api/v1/namespaces/amazonlite/pods/p"]
    pod["metadata"]["labels"]["batch.kubernetes.io/controller-uid"] = "old-job"
    await world.run(3)
    assert world.status["rehearsal"]["customers"] == 0
