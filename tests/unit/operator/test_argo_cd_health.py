"""gitops/health/*.lua say of the statuses that the operator writes what kstatus says of them."""

from __future__ import annotations

from typing import Any

import pytest

from amazonlite_operator.kinds import KINDS
from support.argo_cd import HEALTH, health
from support.kstatus import kstatus
from support.sale_world import KEY, PREWARM, SALE_ID, World, path_of, spec

AS_KSTATUS = {"Terminating": "Progressing", "InProgress": "Progressing", "Failed": "Degraded", "Current": "Healthy"}
SLO = {"p95": "500ms", "successRate": 0.9, "window": "20s", "minSamples": 10}


def stored(world: World) -> dict[str, Any]:
    return world.cluster.objects[path_of(KEY)]


def test_every_kind_has_a_check() -> None:
    assert sorted(path.stem for path in HEALTH.glob("*.lua")) == sorted(kind.name.lower() for kind in KINDS)


async def test_a_sale_from_its_first_moment_to_its_last() -> None:
    world = World(spec(prewarm=PREWARM, slo=SLO), replicas=1)
    seen = {health(stored(world))}
    for _ in range(250):
        await world.run(3)
        seen.add(found := health(stored(world)))
        assert found[0] == AS_KSTATUS[kstatus(stored(world))], (world.phase, found)
    assert {status for status, _ in seen} == {"Progressing", "Healthy"}
    assert found[1].startswith("SaleSettled: ")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({"sku": "UNKNOWN"}, ("Degraded", "UnknownSku")), ({"abort": True}, ("Healthy", "SaleAborted"))],
)
async def test_a_sale_that_needs_a_person_and_one_that_was_aborted(
    fields: dict[str, Any], expected: tuple[str, str]
) -> None:
    world = World(spec(**fields))
    await world.run(5)
    status, message = health(stored(world))
    assert (status, message.split(":")[0]) == expected


async def test_a_sale_whose_books_differ() -> None:
    world = World(spec())
    await world.run(62)
    world.inventory.claim(SALE_ID, 10)
    world.inventory.pay(SALE_ID, 10)
    world.books.missing_orders = 1
    await world.run(120)
    status, message = health(stored(world))
    assert (status, message.split(":")[0]) == ("Degraded", "ReconciliationMismatch")


async def test_what_nobody_has_observed_yet_or_what_is_being_deleted_progresses() -> None:
    world = World(spec())
    assert health(stored(world)) == ("Progressing", "not observed yet")
    await world.run(62)
    world.change_spec(paused=True)
    assert health(stored(world)) == ("Progressing", "not observed yet")
    await world.settle_down()
    assert health(stored(world))[0] == "Healthy"
    world.inventory.up = False
    await world.delete()
    assert health(stored(world)) == ("Progressing", "being deleted")
