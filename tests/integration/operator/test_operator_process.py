"""The operator as a process against a real API server, with the shop's internal APIs faked over HTTP."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Any, cast

import pytest
from kubernetes import client

from amazonlite.common.testing.eventually import eventually
from amazonlite_operator.kind.evidence import digest
from support.argo_cd import health
from support.fake_shop import FakeShop
from support.operator_replica import until
from support.sales_api import SalesApi, valid_spec

pytestmark = pytest.mark.cluster
LEASES = ("coordination.k8s.io", "v1")


def in_phase(sales: SalesApi, name: str, *phases: str) -> Callable[[], dict[str, Any] | None]:
    def seen() -> dict[str, Any] | None:
        status = (sales.get(name) or {}).get("status", {})
        return status if status.get("phase") in phases else None

    return seen


def condition(sales: SalesApi, name: str, kind: str) -> tuple[str, str]:
    """(status, reason); empty while there is none."""
    conditions = (sales.get(name) or {}).get("status", {}).get("conditions", [])
    return next(((c["status"], c["reason"]) for c in conditions if c["type"] == kind), ("", ""))


def sale_id(sales: SalesApi, name: str) -> str:
    return "fs_" + str((sales.get(name) or {})["metadata"]["uid"]).replace("-", "")


def holder(api: client.ApiClient, namespace: str) -> str:
    try:
        lease: Any = client.CoordinationV1Api(api).read_namespaced_lease("amazonlite-operator", namespace)
    except client.ApiException:
        return ""
    return str(lease.spec.holder_identity or "")


async def test_a_sale_survives_its_leaders_death_and_settles_with_evidence(
    api: client.ApiClient, namespace: str, shop: FakeShop, sales: SalesApi, start: Callable[[str], Any]
) -> None:
    replicas = {pod: await start(pod) for pod in ("operator-a", "operator-b")}
    name = sales.create(valid_spec(opens_in=8, lasts=30, holdTTL="10s"))
    await until(in_phase(sales, name, "Live"), "Live")
    first = holder(api, namespace)
    await replicas.pop(first).stop(signal.SIGKILL)
    sale = sale_id(sales, name)
    shop.inventory.claim(sale, 4)
    shop.inventory.pay(sale, 4)
    status = await until(in_phase(sales, name, "Settled", "Failed", "Aborted"), "the end", within=120)
    assert [step["phase"] for step in status["timeline"]] == [
        "Pending",
        "Prewarming",
        "Queueing",
        "Live",
        "Draining",
        "Settled",
    ]
    assert status["stock"] == {"allocated": 4, "free": 0, "held": 0, "sold": 4, "returned": 6}
    assert shop.inventory.stock["SKU1"] == 21
    assert holder(api, namespace) in replicas
    evidence: Any = client.CoreV1Api(api).read_namespaced_config_map(status["evidence"]["configMap"], namespace)
    assert digest(evidence.data) == status["evidence"]["sha256"]
    assert evidence.metadata.owner_references[0].name == name
    await until(lambda: "finalizers" not in (sales.get(name) or {})["metadata"], "let go")
    assert "annotations" not in (sales.get(name) or {})["metadata"]
    assert health(sales.get(name) or {})[0] == "Healthy"
    events = cast(
        dict[str, Any],
        client.CustomObjectsApi(api).list_namespaced_custom_object("events.k8s.io", "v1", namespace, "events"),
    )["items"]
    told = [event["action"] for event in events if event["regarding"]["name"] == name]
    assert sorted(told) == sorted(f"Enter{step['phase']}" for step in status["timeline"])


async def leading_and_following(api: client.ApiClient, namespace: str, start: Callable[[str], Any]) -> tuple[Any, str]:
    """The replica that leads and the name of the other one, both ready."""
    replicas = {pod: await start(pod) for pod in ("operator-a", "operator-b")}
    first = str(await until(lambda: holder(api, namespace), "a leader"))
    for replica in replicas.values():
        await replica.until_ready()
    (other,) = replicas.keys() - {first}
    return replicas[first], other


async def test_a_stopped_leader_hands_over_at_once(
    api: client.ApiClient, namespace: str, sales: SalesApi, start: Callable[[str], Any]
) -> None:
    leader, other = await leading_and_following(api, namespace, start)
    stopping = asyncio.create_task(leader.stop())
    await until(lambda: holder(api, namespace) == other, "the other leads", within=6)
    assert await stopping == 0
    name = sales.create(valid_spec())
    await until(lambda: (sales.get(name) or {}).get("status", {}).get("allocated"), "allocated by the other")


async def test_a_leader_that_stands_still_is_replaced_within_fifteen_seconds(
    api: client.ApiClient, namespace: str, sales: SalesApi, start: Callable[[str], Any]
) -> None:
    leader, other = await leading_and_following(api, namespace, start)
    leader.process.send_signal(signal.SIGSTOP)
    await until(lambda: holder(api, namespace) == other, "the other leads", within=15)
    leader.process.send_signal(signal.SIGCONT)
    name = sales.create(valid_spec())
    await until(lambda: (sales.get(name) or {}).get("status", {}).get("allocated"), "allocated by the other")
    assert holder(api, namespace) == other


async def test_deleting_a_live_sale_returns_its_stock(
    namespace: str, shop: FakeShop, sales: SalesApi, start: Callable[[str], Any]
) -> None:
    await start("operator-a")
    name = sales.create(valid_spec(opens_in=1, lasts=300))
    await until(in_phase(sales, name, "Live"), "Live")
    assert shop.inventory.stock["SKU1"] == 15
    sales.delete(name)
    await until(lambda: sales.get(name) is None, "gone")
    assert shop.inventory.stock["SKU1"] == 25


async def test_a_deletion_waits_for_payments_and_goes_on_by_itself(
    namespace: str, shop: FakeShop, sales: SalesApi, start: Callable[[str], Any]
) -> None:
    await start("operator-a")
    name = sales.create(valid_spec(opens_in=1, lasts=300))
    await until(in_phase(sales, name, "Live"), "Live")
    sale = sale_id(sales, name)
    shop.inventory.claim(sale, 3)
    shop.inventory.authorize(sale, 2)
    shop.inventory.payments_up = False
    sales.delete(name)
    await until(lambda: condition(sales, name, "Ready") == ("False", "PaymentsUnavailable"), "says why it waits")
    assert shop.inventory.sales[sale].state == "ABORTED"
    shop.inventory.payments_up = True
    await until(lambda: sales.get(name) is None, "gone", within=10)
    assert (shop.inventory.sales[sale].stock.sold, shop.inventory.stock["SKU1"]) == (2, 23)


async def test_a_lost_paid_order_is_told_and_exported_until_the_sale_is_gone(
    namespace: str, shop: FakeShop, sales: SalesApi, start: Callable[[str], Any]
) -> None:
    replica = await start("operator-a")
    name = sales.create(valid_spec(opens_in=1, lasts=300))
    await until(in_phase(sales, name, "Live"), "Live")
    await until(lambda: condition(sales, name, "PaidOrdersKept") == ("True", "PaidOrdersKept"), "watched")
    shop.books.paid_orders_lost = 2
    await until(lambda: condition(sales, name, "PaidOrdersKept") == ("False", "PaidOrdersLost"), "told")
    series = f'flashsale_paid_orders_lost{{name="{name}",namespace="{namespace}"}} 2.0'
    assert series in await replica.exported()
    sales.delete(name)

    async def forgotten() -> bool:
        return series not in await replica.exported()

    await eventually(forgotten, within=20, every=0.1, what="the series is gone with the sale")


async def test_abort_stops_claims_within_a_second(
    namespace: str, shop: FakeShop, sales: SalesApi, start: Callable[[str], Any]
) -> None:
    await start("operator-a")
    name = sales.create(valid_spec(opens_in=1, lasts=300))
    await until(in_phase(sales, name, "Live"), "Live")
    sale = shop.inventory.sales[sale_id(sales, name)]
    sales.change(name, {"abort": True})
    await until(lambda: sale.state == "ABORTED", "claims stopped", within=1)
    await until(in_phase(sales, name, "Aborted"), "Aborted")


async def test_a_stalled_sale_heals_by_itself(
    namespace: str, shop: FakeShop, sales: SalesApi, start: Callable[[str], Any]
) -> None:
    await start("operator-a")
    name = sales.create(valid_spec(quantity=26))

    def stalled() -> bool:
        conditions = (sales.get(name) or {}).get("status", {}).get("conditions", [])
        return any(
            c["type"] == "Stalled" and (c["status"], c["reason"]) == ("True", "InsufficientStock") for c in conditions
        )

    await until(stalled, "Stalled")
    shop.inventory.stock["SKU1"] = 30
    await until(lambda: not stalled(), "healed")


async def test_a_replica_is_live_ready_measured_and_small(
    api: client.ApiClient, namespace: str, sales: SalesApi, start: Callable[[str], Any]
) -> None:
    replica = await start("operator-a")
    await until(lambda: holder(api, namespace) == "operator-a", "leads")
    name = sales.create(valid_spec(opens_in=1, lasts=60))
    await until(in_phase(sales, name, "Live"), "Live")
    assert await replica.get("/healthz") == (200, "ok")
    assert await replica.get("/readyz") == (200, "ok")
    text = await replica.exported()
    for metric in (
        "operator_queue_depth",
        "operator_queue_lag_seconds",
        "operator_reconcile_seconds",
        "operator_leader",
    ):
        assert metric in text
    assert 'operator_phase_seconds_count{kind="FlashSale",phase="Queueing"} 1.0' in text
    assert replica.resident_mebibytes() < 100
