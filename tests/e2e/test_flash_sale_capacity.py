"""Replicas are raised before the doors open and put back at the end, however the sale ends."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes import client

from amazonlite.common.testing.eventually import eventually
from amazonlite_cli.kube import connect
from amazonlite_cli.paths import NAMESPACE
from support.sales import FlashSales, sale_spec
from support.shop import Shop

pytestmark = [pytest.mark.cluster, pytest.mark.exclusive("replicas-of-product")]
TARGET = "product"


def replicas() -> tuple[int, int]:
    """(desired, ready) of the target."""
    found: Any = client.AppsV1Api(connect()).read_namespaced_deployment(TARGET, NAMESPACE)
    return int(found.spec.replicas), int(found.status.ready_replicas or 0)


def raised_by_one() -> dict[str, Any]:
    return {"leadTime": "1s", "targets": [{"deployment": TARGET, "replicas": replicas()[0] + 1}]}


@pytest.mark.parametrize("ending", ["aborted", "deleted"])
async def test_replicas_are_ready_at_the_start_and_back_at_the_end(shop: Shop, sales: FlashSales, ending: str) -> None:
    before, prewarm = replicas()[0], raised_by_one()
    sku = await shop.stocked_product(on_hand=10)
    name = sales.apply(sale_spec(sku, 5, opens_in=2, lasts=300, prewarm=prewarm))
    await sales.in_phase(name, "Live", within=90)
    assert replicas() == (before + 1, before + 1)
    assert sales.condition(name, "CapacityReady")["status"] == "True"
    if ending == "aborted":
        sales.resources.patch(name, {"spec": {"abort": True}})
        await sales.in_phase(name, "Aborted", within=60)
    else:
        await sales.remove_all()

    async def back() -> bool:
        return replicas()[0] == before

    await eventually(back, within=10, every=0.25, what="replicas back")
    assert await shop.stock(sku) == {"sku": sku, "onHand": 10, "available": 10, "reserved": 0}


async def test_a_missing_deployment_stalls_and_heals(shop: Shop, sales: FlashSales) -> None:
    sku = await shop.stocked_product(on_hand=10)
    missing = {"leadTime": "1s", "targets": [{"deployment": "no-such-service", "replicas": 1}]}
    name = sales.apply(sale_spec(sku, 5, opens_in=2, lasts=300, prewarm=missing))
    assert (await sales.stalled(name))["reason"] == "DeploymentNotFound"
    sales.resources.patch(name, {"spec": {"prewarm": {"targets": [{"deployment": TARGET, "replicas": 1}]}}})
    await sales.in_phase(name, "Live", within=60)
