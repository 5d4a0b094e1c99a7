"""One FlashSale in a world of fakes, with an operator that can be killed at any of its writes and started again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from amazonlite.common.core.clock import iso
from amazonlite.common.core.settings import AuthClientSettings
from amazonlite.common.testing.fakes import FakeClock
from amazonlite_operator.flash_sale.crd import FLASH_SALES
from amazonlite_operator.flash_sale.kind import FLASH_SALE
from amazonlite_operator.flash_sale.observe import Observer
from amazonlite_operator.flash_sale.operations import FlashSales
from amazonlite_operator.flash_sale.perform import Effects
from amazonlite_operator.kind.reconcile import Reconciler
from amazonlite_operator.kube.controller import Key
from amazonlite_operator.kube.events import EventRecorder
from amazonlite_operator.settings import Settings
from support.fake_cluster import FakeCluster, Manifest
from support.fake_inventory import FakeBooks, FakeClaims, FakeInventory, Sale

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
UID = "0b9d2a54-0000-4000-8000-000000000001"
KEY = Key("amazonlite", "sale")
SALE_ID = f"fs_{UID.replace('-', '')}"


SETTINGS = Settings(
    pod_name="a",
    pod_namespace="amazonlite",
    operator_image="image",
    gateway_url="http://g",
    auth=AuthClientSettings(url="http://a"),
)
SaleReconciler = Reconciler[Any, Any, Any, Any]


def path_of(key: Key) -> str:
    return FLASH_SALES.object_path(key.namespace, key.name)


class Killed(BaseException):
    """The operator process is gone; not an Exception, so that nothing of it can handle it."""


class FakeLease:
    """Always leads; each life of the operator has a higher number."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.stepped_back = False
        self.above = 0

    def fence(self) -> int:
        return self.number

    def step_back(self, seen: int = 0) -> None:
        self.stepped_back = True
        self.above = seen


def spec(**fields: Any) -> dict[str, Any]:
    """Opens a minute after noon, for ten minutes."""
    return {
        "sku": "SKU1",
        "quantity": 10,
        "price": {"amount": 500, "currency": "EUR"},
        "window": {"start": iso(NOON + timedelta(minutes=1)), "end": iso(NOON + timedelta(minutes=11))},
        "holdTTL": "30s",
        "settleTimeout": "60s",
        "admission": {"maxActive": 20, "ratePerSecond": 10, "order": "Fifo", "preQueue": "20s"},
        **fields,
    }


PREWARM = {"leadTime": "40s", "targets": [{"deployment": "inventory", "replicas": 3}]}


class World:
    def __init__(self, sale_spec: dict[str, Any], *, stock: int = 25, replicas: int = 2) -> None:
        self.clock = FakeClock(NOON)
        self.writes: list[str] = []
        self.kill_at = -1
        self.lives = 0
        self.cluster = FakeCluster(self.clock.now, self._interrupt)
        self.inventory = FakeInventory({"SKU1": stock}, self._interrupt)
        self.books = FakeBooks(self.inventory)
        self.claims = FakeClaims()
        self.add_deployment("inventory", replicas)
        self._apply(sale_spec)
        self.lease = FakeLease(0)
        self.reconciler = self.start()

    def start(self) -> SaleReconciler:
        """A new life: nothing in memory of the one before."""
        self.lives += 1
        self.lease = FakeLease(self.lives)
        observer = Observer(self.cluster, self.inventory, self.books, self.claims, self.clock)
        effects = Effects(self.cluster, self.inventory, SETTINGS)
        recorder: Any = EventRecorder(self.cluster, self.clock, instance="test")  # type: ignore[arg-type]
        lease: Any = self.lease
        operations = FlashSales(observer, effects)
        self.reconciler = Reconciler(FLASH_SALE, operations, cluster=self.cluster, lease=lease, recorder=recorder)
        return self.reconciler

    async def settle_down(self) -> float | None:
        """Reconcile, in a new life after each kill; seconds until the next look."""
        while True:
            try:
                return await self.reconciler(KEY)
            except Killed:
                self.start()

    async def run(self, seconds: float) -> None:
        """Let time pass; Deployments become ready, the operator reconciles when it said it would."""
        end = self.clock.now() + timedelta(seconds=seconds)
        while True:
            pause = await self.settle_down()
            left = (end - self.clock.now()) / timedelta(seconds=1)
            if left <= 0 or pause is None:
                break
            self.clock.advance(min(max(pause, 0.05), left))
            self.make_ready()

    def add_deployment(self, name: str, replicas: int) -> None:
        self.cluster.objects[f"/apis/apps/v1/namespaces/amazonlite/deployments/{name}"] = {
            "kind": "Deployment",
            "metadata": {"name": name, "generation": 1, "resourceVersion": "0", "uid": name},
            "spec": {"replicas": replicas},
            "status": {"observedGeneration": 1, "readyReplicas": replicas},
        }

    def deployment(self, name: str = "inventory") -> Manifest:
        return self.cluster.objects[f"/apis/apps/v1/namespaces/amazonlite/deployments/{name}"]

    capacity_arrives = True

    def make_ready(self) -> None:
        if not self.capacity_arrives:
            return
        for place, found in self.cluster.objects.items():
            if "/deployments/" in place:
                found["status"]["readyReplicas"] = found["spec"]["replicas"]

    @property
    def resource(self) -> Manifest | None:
        return self.cluster.objects.get(path_of(KEY))

    @property
    def status(self) -> dict[str, Any]:
        assert self.resource is not None
        return dict(self.resource.get("status", {}))

    @property
    def phase(self) -> str:
        return str(self.status["phase"])

    @property
    def phases(self) -> list[str]:
        return [step["phase"] for step in self.status["timeline"]]

    @property
    def sale(self) -> Sale:
        return self.inventory.sales[SALE_ID]

    def condition(self, kind: str) -> tuple[str, str]:
        found = next(c for c in self.status["conditions"] if c["type"] == kind)
        return found["status"], found["reason"]

    def change_spec(self, **fields: Any) -> None:
        self.cluster.change_spec(path_of(KEY), **fields)

    async def delete(self) -> None:
        """As a person does: no write of the operator's, so no moment to be killed at."""
        interrupt, self.cluster.interrupt = self.cluster.interrupt, lambda moment: None
        await self.cluster.delete(path_of(KEY))
        self.cluster.interrupt = interrupt

    def _apply(self, sale_spec: dict[str, Any]) -> None:
        self.cluster.objects[path_of(KEY)] = {
            "apiVersion": "amazonlite.dev/v1alpha1",
            "kind": "FlashSale",
            "metadata": {
                "name": KEY.name,
                "namespace": KEY.namespace,
                "uid": UID,
                "generation": 1,
                "resourceVersion": "0",
                "creationTimestamp": iso(NOON),
            },
            "spec": sale_spec,
        }

    def _interrupt(self, moment: str) -> None:
        self.writes.append(moment)
        if len(self.writes) - 1 == self.kill_at:
            raise Killed(moment)
