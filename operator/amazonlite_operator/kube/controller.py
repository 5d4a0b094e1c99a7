"""The work queue of one kind: keys in, reconcile while this replica leads, requeue by what the reconciler answers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from amazonlite.common.core.tasks import stop
from amazonlite.common.observe.logs import get_logger
from amazonlite_operator.kube import metrics
from amazonlite_operator.kube.api import Kube, KubeError
from amazonlite_operator.kube.crd import AnyResource
from amazonlite_operator.kube.heartbeat import Heartbeat
from amazonlite_operator.kube.lease import LeadershipLost, Lease
from amazonlite_operator.kube.queue import WorkQueue

RESYNC_EVERY = 60.0
CHECK_LEADERSHIP_EVERY = 5.0
WORKERS = 4

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, order=True)
class Key:
    namespace: str
    name: str


# Seconds until the next pass, or None when the object is gone.
Reconcile = Callable[[Key], Awaitable[float | None]]


class Controller:
    """`enqueue` and `drop` are all a watch handler calls; `run` works the queue off while the Lease is held.

    `stepped_down` is called each time leadership ends, after the last reconciliation.
    """

    def __init__(
        self,
        resource: AnyResource,
        reconcile: Reconcile,
        stepped_down: Callable[[], None],
        *,
        kube: Kube,
        lease: Lease,
        heartbeat: Heartbeat,
    ) -> None:
        self.resource = resource
        self._reconcile = reconcile
        self._stepped_down = stepped_down
        self._kube = kube
        self._lease = lease
        self._heartbeat = heartbeat
        self._queue: WorkQueue[Key] = WorkQueue(time.monotonic)
        self._watched: dict[str, int] = {}
        self._change_markers: dict[str, str] = {}
        self._phases: set[str] = set()

    def enqueue(self, key: Key, uid: str, generation: int, change_marker: str) -> None:
        """`change_marker` is made of what matters in the object: the same again enqueues nothing."""
        self._watched[uid] = generation
        if self._change_markers.get(uid) != change_marker:
            self._change_markers[uid] = change_marker
            self._add(key)

    def drop(self, key: Key, uid: str) -> None:
        """The object is gone: one more pass, behind any that is under way, shows the reconciler that it is."""
        self._watched.pop(uid, None)
        self._change_markers.pop(uid, None)
        self._add(key)

    async def run(self, namespace: str) -> None:
        """Forever: wait for the Lease, list everything once, work until the Lease is gone."""
        await asyncio.gather(self._resync_forever(namespace), self._lead_forever(namespace))

    async def _lead_forever(self, namespace: str) -> None:
        while True:
            metrics.LEADER.set(self._lease.leads)
            if self._lease.leads:
                await self._lead(namespace)
                continue
            with suppress(TimeoutError):  # whoever announces may be wrong: no wait for leadership is without a bound
                async with asyncio.timeout(CHECK_LEADERSHIP_EVERY):
                    await self._lease.leadership_changed()

    async def _lead(self, namespace: str) -> None:
        try:
            await self.resync(namespace)
        except Exception as error:
            log.warning("resync_failed", error=repr(error))
        workers = [asyncio.create_task(self._work()) for _ in range(WORKERS)]
        watch = asyncio.create_task(self._lease.lost())
        try:
            await asyncio.wait([*workers, watch], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await stop([*workers, watch])
            self._stepped_down()

    async def _resync_forever(self, namespace: str) -> None:
        while True:
            await asyncio.sleep(RESYNC_EVERY)
            try:
                await self.resync(namespace)
            except Exception as error:
                log.warning("resync_failed", error=repr(error))

    async def resync(self, namespace: str) -> None:
        """What a deaf watch would have missed is found here, and tells that the watch is deaf."""
        try:
            items = await self._kube.items(self.resource.path(namespace))
        except KubeError:
            self._heartbeat.not_compared(self.resource.plural)
            raise
        listed = {item["metadata"]["uid"]: item["metadata"]["generation"] for item in items}
        for item in items:
            self._add(Key(namespace, item["metadata"]["name"]))
        self._heartbeat.compare(self.resource.plural, listed, self._watched)
        self._count(Counter(item.get("status", {}).get("phase", "Pending") for item in items))

    def _count(self, phases: Mapping[str, int]) -> None:
        for phase in self._phases - phases.keys():
            metrics.OBJECTS.remove(self.resource.kind, phase)
        for phase, count in phases.items():
            metrics.OBJECTS.labels(self.resource.kind, phase).set(count)
        self._phases = set(phases)

    async def _work(self) -> None:
        while True:
            key, lag = await self._queue.get()
            metrics.QUEUE_LAG.labels(self.resource.kind).observe(max(0.0, lag))
            metrics.QUEUE_DEPTH.labels(self.resource.kind).set(len(self._queue))
            try:
                await self._once(key)
            finally:
                self._queue.done(key)

    async def _once(self, key: Key) -> None:
        begun, outcome = time.perf_counter(), "ok"
        try:
            again = await self._reconcile(key)
        except LeadershipLost:
            outcome = "leadership_lost"
            self._add(key)
        except Exception as error:
            outcome = type(error).__name__
            pause = self._queue.failed(key)
            log.warning("reconcile_failed", object=key.name, error=repr(error), retry_in=round(pause, 2))
        else:
            self._queue.succeeded(key)
            if again is not None:
                self._queue.add_after(key, again)
        finally:
            metrics.RECONCILE_SECONDS.labels(self.resource.kind, outcome).observe(time.perf_counter() - begun)

    def _add(self, key: Key) -> None:
        self._queue.add(key)
        metrics.QUEUE_DEPTH.labels(self.resource.kind).set(len(self._queue))
