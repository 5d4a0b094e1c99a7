"""The operator is killed in every phase of one sale, which rehearses, raises replicas, is paused and is throttled."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from kubernetes import client

from amazonlite.common.testing.eventually import eventually
from amazonlite_cli.kube import connect
from amazonlite_cli.paths import NAMESPACE
from amazonlite_cli.shoppers.crowd import Crowd, plans
from amazonlite_cli.shoppers.shopper import Plan
from support.cluster import Cluster
from support.faults.node import Container, Node
from support.history.check import Evidence, anomalies
from support.history.record import History
from support.history.rows import dead_letters
from support.rush import assert_watched, at_rest
from support.sales import FlashSales, sale_spec
from support.samples import sampled
from support.shop import GATEWAY, Shop

LEASE, OPERATOR, TARGET = "amazonlite-operator", "operator", "product"
# More units than shoppers, so that the sale ends by its window and not before all of this has happened to it.
UNITS, SHOPPERS = 300, 150
MIX = {Plan.PAY: 0.7, Plan.ABANDON_HOLD: 0.2, Plan.DECLINED: 0.1}
PHASES = ["Pending", "Rehearsing", "Prewarming", "Queueing", "Live", "Paused", "Live", "Draining", "Settled"]
# Where the operator is killed; the second time that the sale is Live, it is throttled.
STAGES = ["Pending", "Rehearsing", "Prewarming", "Queueing", "Live", "Paused", "Throttled", "Draining"]
# No claim is answered in a millisecond: a few of them and the sale is throttled.
BREACHED = {"p95": "1ms", "successRate": 0.5, "window": "10s", "minSamples": 5}


def stage_of(status: dict[str, Any]) -> str:
    """The phase, or Throttled."""
    ready = next((c for c in status.get("conditions", []) if c["type"] == "Ready"), {})
    throttled = status.get("phase") == "Live" and ready.get("reason") == "Throttled"
    return "Throttled" if throttled else str(status.get("phase", ""))


class Operators:
    """The operator's two replicas, of which one leads."""

    def __init__(self) -> None:
        api = connect()
        self.cluster = Cluster()
        self._node = Node()
        self._core = client.CoreV1Api(api)
        self._leases = client.CoordinationV1Api(api)

    def lease(self) -> tuple[str, int]:
        """The leading pod and its fencing number."""
        spec: Any = self._leases.read_namespaced_lease(LEASE, NAMESPACE)
        return str(spec.spec.holder_identity), int(spec.spec.lease_transitions)

    def leader(self) -> Container | None:
        """None: the lease names one that does not run."""
        holder, _ = self.lease()
        return next((each for each in self._node.containers(OPERATOR) if each.pod == holder), None)

    def kill(self, leader: Container) -> int:
        """SIGKILL; the fencing number that the dead one had."""
        holder, fence = self.lease()
        assert holder == leader.pod, "another has taken over meanwhile"
        self._node.kill([leader])
        return fence

    async def succeeded(self, fence: int) -> None:
        """Waits until there is a leader with a higher number."""

        async def newer() -> bool:
            return (await asyncio.to_thread(self.lease))[1] > fence

        await eventually(newer, within=40, every=0.1, what=f"a leader after {fence}")

    async def relieved(self) -> None:
        """The leader stops with grace, the other leads: the kubelet would delay a second restart of its container."""
        holder, fence = await asyncio.to_thread(self.lease)
        await asyncio.to_thread(self._core.delete_namespaced_pod, holder, NAMESPACE)
        await self.succeeded(fence)


@dataclass
class Killer:
    """Kills the leader in one stage of the sale after the other; ``left_in`` is where each kill left the sale."""

    sales: FlashSales
    name: str
    operators: Operators = field(default_factory=Operators)
    left_in: list[str] = field(default_factory=list)
    fence: int = 0

    async def strike(self, stage: str) -> None:
        """Returns when the sale has an operator again."""
        await self.kill_in(stage)
        await self.recovered()

    async def kill_in(self, stage: str) -> None:
        """Returns when the sale has been left without one."""

        async def aimed() -> Container | None:
            return await asyncio.to_thread(self.operators.leader)

        async def reached() -> bool:
            return await asyncio.to_thread(self._stage) == stage

        leader = await eventually(aimed, within=40, every=0.1, what="a leader that runs")
        await eventually(reached, within=60, every=0.05, what=f"{self.name} {stage}")
        self.fence = await asyncio.to_thread(self.operators.kill, leader)
        self.left_in.append(await asyncio.to_thread(self._stage))  # nobody leads: it cannot have gone on

    async def recovered(self) -> None:
        await self.operators.succeeded(self.fence)
        await self.operators.relieved()

    def _stage(self) -> str:
        return stage_of(self.sales.status(self.name))


def replicas() -> int:
    found: Any = client.AppsV1Api(connect()).read_namespaced_deployment(TARGET, NAMESPACE)
    return int(found.spec.replicas)


def spec(sku: str, raised: int) -> dict[str, Any]:
    return sale_spec(
        sku,
        UNITS,
        opens_in=54,
        lasts=36,
        admission={"maxActive": 100, "ratePerSecond": 10, "order": "Fifo", "preQueue": "7s"},
        rehearsal={"customers": 10, "ratePerSecond": 10},
        prewarm={"leadTime": "16s", "targets": [{"deployment": TARGET, "replicas": raised}]},
        slo=BREACHED,
        onBreach="Throttle",
    )


async def begin(shop: Shop, killer: Killer, sku: str) -> None:
    """Killed while nobody can buy yet. Pending lasts until the stock comes, which is when nobody leads."""
    await killer.kill_in("Pending")
    await shop.restock(sku, UNITS)
    await killer.recovered()
    for stage in ("Rehearsing", "Prewarming", "Queueing"):
        await killer.strike(stage)


async def sell(killer: Killer) -> None:
    """Killed while shoppers buy, up to the end."""
    change = killer.sales.resources.patch
    await killer.strike("Live")
    await asyncio.to_thread(change, killer.name, {"spec": {"paused": True}})
    await killer.strike("Paused")
    await asyncio.to_thread(change, killer.name, {"spec": {"paused": False}})
    await killer.strike("Throttled")
    await killer.strike("Draining")


async def sell_with_the_operator_killed_in_every_phase(shop: Shop, sales: FlashSales) -> None:
    """Every phase is gone through once, what is to be undone at the end is, and the history has no anomaly."""
    operators = Operators()
    await operators.cluster.renewed(OPERATOR, 2)
    dead, before = await asyncio.to_thread(dead_letters), await asyncio.to_thread(replicas)
    sku = await shop.stocked_product(on_hand=UNITS - 1)
    killer = Killer(sales, sales.apply(spec(sku, before + 1)), operators)
    tokens = await shop.shoppers([f"syn_{killer.name}-{number:04d}" for number in range(SHOPPERS)])
    history = History({token: customer for customer, token in tokens.items()})
    await begin(shop, killer, sku)
    sale = sales.sale_id(killer.name)
    crowd = Crowd(GATEWAY, sale, tokens, plans(SHOPPERS, MIX, seed=7), 120.0, 30.0, observe=history.observe)
    async with sampled(shop, sale, UNITS) as samples:
        await asyncio.gather(crowd.run(), sell(killer))
        status = await sales.in_phase(killer.name, "Settled", "Aborted", "Failed", within=60)

    assert killer.left_in == STAGES
    assert [step["phase"] for step in status["timeline"]] == PHASES
    assert status["rehearsal"]["claimed"] > 0
    assert (status["oversold"], status["stock"]["held"], status["stock"]["free"]) == (0, 0, 0)
    assert 0 < status["stock"]["sold"] == UNITS - status["stock"]["returned"]
    assert sales.condition(killer.name, "PaidOrdersKept")["status"] == "True"
    assert await asyncio.to_thread(replicas) == before
    assert_watched(samples)
    evidence = Evidence(history, await at_rest(sale), dead, await asyncio.to_thread(dead_letters))
    assert not (found := anomalies(evidence)), "\n".join(map(str, found[:10]))
    await operators.cluster.ready(OPERATOR, 2)
