"""Faults made real, one at a time, each only while units of the sale are free and each healed whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import redis.asyncio

from amazonlite.common.testing.eventually import eventually
from amazonlite_cli.kube import connect, read_secret
from support.cluster import Cluster
from support.faults import network, redis_files
from support.faults.control_plane import control_plane_away, mended
from support.faults.fault import KILLS, Fault, FaultKind
from support.faults.node import Container, Node
from support.faults.schedule import SERVICES, STORES, Schedule
from support.history.record import History
from support.samples import Samples, free_units

REPLICAS = {"inventory": 2}
LATE_SECONDS = 10.0  # a fault may begin so much later than foreseen: of the calm after the last one 25 s are left then


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault that struck: when, how many units were free at that moment, and when it was over."""

    fault: Fault
    at: float
    free: int
    over: float

    def __str__(self) -> str:
        return f"{self.fault} (units free: {self.free})"


@dataclass(slots=True)
class Injector:
    """Strikes a sale and keeps a record of it; ``samples`` are told while unpaid holds may be given back late."""

    sale: str
    samples: Samples
    history: History
    node: Node = field(default_factory=Node)
    cluster: Cluster = field(default_factory=Cluster)
    injections: list[Injection] = field(default_factory=list)

    async def inject(self, fault: Fault) -> Injection:
        """Makes the fault and returns when it is over; AssertionError when no unit is free that it could cost."""
        for workload in fault.targets:
            await self._running(workload)
        free = await self._free()
        at = time.time()
        with self.samples.returns_delayed() if fault.delays_returns else contextlib.nullcontext():
            await MAKE[fault.kind](self, fault)
        over = at if fault.kind in KILLS else time.time()
        self.injections.append(Injection(fault, at, free, over))
        return self.injections[-1]

    async def inject_each(self, faults: Sequence[Fault], *, units_between: int, wait: float) -> None:
        """One after the other; each when the sale has gone on after the one before, or ``wait`` seconds after it."""
        for number, fault in enumerate(faults):
            injection = await self.inject(fault)
            if number < len(faults) - 1:
                await self._gone_on(injection, units_between, wait)

    async def _gone_on(self, injection: Injection, units: int, wait: float) -> None:
        """So many units have been claimed since, and nobody who paid before waits any longer."""

        def gone_on() -> bool:
            holds = self.history.holds.values()
            claimed = sum((hold.completed or 0.0) > injection.over for hold in holds)
            return claimed >= units and not self.history.unconfirmed(injection.over)

        with contextlib.suppress(AssertionError):  # how long it took is for the test to judge
            await eventually(gone_on, within=wait, every=0.2)

    async def run(self, schedule: Schedule, say: Callable[[str], None] = print) -> None:
        """Every fault at its time, or when the one before is over; those that no longer fit are left out."""
        began = time.monotonic()
        for timed in schedule.faults:
            await asyncio.sleep(max(0.0, began + timed.after - time.monotonic()))
            if schedule.fits(timed.fault, (at := time.monotonic() - began) - LATE_SECONDS):
                say(f"{at:6.1f} s  {await self.inject(timed.fault)}")
            else:
                say(f"{at:6.1f} s  {timed.fault}: left out, it no longer fits")

    async def _free(self) -> int:
        async def some() -> int | None:
            return await asyncio.to_thread(free_units, self.sale)

        free = await eventually(some, within=30, every=0.2, what="a free unit that a fault could cost")
        return int(free or 0)

    async def _running(self, workload: str) -> list[Container]:
        """All containers of the workload, once as many run as it has replicas: a fault that hits nobody is none."""

        def all_of_them() -> list[Container]:
            found = self.node.containers(workload)
            return found if len(found) >= REPLICAS.get(workload, 1) else []

        return await eventually(all_of_them, within=60, every=0.2, what=f"{workload} running, to be struck")

    async def _kill(self, fault: Fault) -> None:
        self.node.kill((await self._running(fault.targets[0]))[:1])

    async def _kill_all(self, fault: Fault) -> None:
        self.node.kill(await self._running(fault.targets[0]))

    async def _pause(self, fault: Fault) -> None:
        with self.node.paused((await self._running(fault.targets[0]))[:1]):
            await asyncio.sleep(fault.seconds)

    async def _cut(self, fault: Fault) -> None:
        left, right = [_addresses(await self._running(target)) for target in fault.targets]
        with network.cut(left, right):
            await asyncio.sleep(fault.seconds)

    async def _away(self, fault: Fault) -> None:
        (store,) = fault.targets
        async with self._stopped(store):
            await asyncio.sleep(fault.seconds)
        await self.cluster.ready(store, 1)

    async def _empty(self, _fault: Fault) -> None:
        url = (await asyncio.to_thread(read_secret, connect(), "redis-admin"))["url"]
        async with redis.asyncio.Redis.from_url(url) as admin:
            await admin.flushall()

    async def _set_back(self, fault: Fault) -> None:
        with redis_files.copied() as copy:
            await asyncio.sleep(fault.seconds)
            async with self._stopped("redis"):
                await self.cluster.ready("redis", 0)
                redis_files.put_back(copy)
        await self.cluster.ready("redis", 1)

    async def _roll(self, fault: Fault) -> None:
        for deployment in fault.targets:
            await asyncio.to_thread(self.cluster.restart, deployment)
        for deployment in fault.targets:
            await self.cluster.rolled(deployment)

    async def _control_plane(self, fault: Fault) -> None:
        with control_plane_away():
            await asyncio.sleep(fault.seconds)
        answers = partial(asyncio.to_thread, self.cluster.answers)
        await eventually(answers, within=60, every=0.25, what="the API server")
        await asyncio.to_thread(mended)

    @contextlib.asynccontextmanager
    async def _stopped(self, store: str) -> AsyncIterator[None]:
        """Killed and not started again inside the block: away as a crashed server is, without having said goodbye."""

        def gone() -> bool:
            containers = self.node.containers(store)
            self.node.kill(containers)
            return not containers

        try:
            self.cluster.scale(store, 0)
            await eventually(gone, within=30, every=0.1, what=f"{store} killed and not started again")
            yield
        finally:
            self.cluster.scale(store, 1)


Make = Callable[[Injector, Fault], Awaitable[None]]
MAKE: Mapping[FaultKind, Make] = {
    FaultKind.KILL: Injector._kill,
    FaultKind.KILL_ALL: Injector._kill_all,
    FaultKind.PAUSE: Injector._pause,
    FaultKind.CUT: Injector._cut,
    FaultKind.AWAY: Injector._away,
    FaultKind.EMPTY: Injector._empty,
    FaultKind.SET_BACK: Injector._set_back,
    FaultKind.ROLL: Injector._roll,
    FaultKind.CONTROL_PLANE: Injector._control_plane,
}


def _addresses(containers: Sequence[Container]) -> list[str]:
    return [container.address for container in containers]


async def healed(cluster: Cluster, node: Node) -> None:
    """Nothing is cut, stopped or away any more, and every pod is Ready."""
    network.heal()
    await asyncio.to_thread(mended)
    node.resume(SERVICES + STORES)
    for store in STORES:
        cluster.scale(store, 1)
    for workload in STORES + SERVICES:
        await cluster.ready(workload, REPLICAS.get(workload, 1))


async def renewed(cluster: Cluster, faults: Iterable[Fault]) -> None:
    """Whoever is to be killed was not killed before, so that the kubelet starts it again at once."""
    for workload in sorted({target for fault in faults if fault.kind in KILLS for target in fault.targets}):
        await cluster.renewed(workload, REPLICAS.get(workload, 1))
