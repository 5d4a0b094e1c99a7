from __future__ import annotations

import json
from typing import Any

from amazonlite_operator.flash_sale.rehearse import Tally
from support.sale_world import SALE_ID, World, spec

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
    labels = {"app.kubernetes.io/name": "flash-sale-rehearsal", "batch.kubernetes.io/job-name": "sale-rehearsal"}
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
