"""Composition root: wiring only."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Any, NoReturn

import aiohttp
import kopf

from amazonlite.common.core.clock import SystemClock
from amazonlite.common.core.tasks import stop
from amazonlite.common.observe.logs import configure_logging, get_logger
from amazonlite_operator.kind.kind import AnyKind
from amazonlite_operator.kind.operations import Clients
from amazonlite_operator.kind.reconcile import Reconciler
from amazonlite_operator.kinds import KINDS
from amazonlite_operator.kube import watching
from amazonlite_operator.kube.api import Kube
from amazonlite_operator.kube.controller import Controller
from amazonlite_operator.kube.events import EventRecorder
from amazonlite_operator.kube.heartbeat import Heartbeat
from amazonlite_operator.kube.lease import Lease
from amazonlite_operator.kube.probes import serve_metrics, serve_probes
from amazonlite_operator.settings import Settings
from amazonlite_operator.shop.client import ServiceTokenSource

LEASE = "amazonlite-operator"

log = get_logger(__name__)


class PartEnded(Exception):
    """A part that must run for ever has ended, so the process ends too, with exit status 1: it is started again."""


class Operator:
    """The parts of one replica. A kind whose CRD is missing waits for it, and holds up no other."""

    def __init__(
        self, settings: Settings, kube: Kube, session: aiohttp.ClientSession, kinds: Sequence[AnyKind] = KINDS
    ) -> None:
        self._namespace = settings.pod_namespace
        self._pod = settings.pod_name
        self._kube = kube
        self._lease = Lease(kube, namespace=self._namespace, name=LEASE, identity=settings.pod_name)
        self.heartbeat = Heartbeat(kube, namespace=self._namespace, pod=settings.pod_name)
        clock = SystemClock()
        tokens = ServiceTokenSource(session, settings.auth.url, settings.auth.client_id, settings.auth.client_secret)
        clients = Clients(settings, kube, session, tokens, clock)
        recorder = EventRecorder(kube, clock, instance=settings.pod_name)
        self._controllers = {kind.resource.plural: self._controller(kind, clients, recorder) for kind in kinds}
        self._served = {plural: asyncio.Event() for plural in self._controllers}
        self._told_to_stop = asyncio.Event()
        self._stop_kopf = asyncio.Event()
        self._kopf_ready: list[asyncio.Event] = []

    def _controller(self, kind: AnyKind, clients: Clients, recorder: EventRecorder) -> Controller:
        reconciler = Reconciler(kind, kind.connect(clients), cluster=self._kube, lease=self._lease, recorder=recorder)
        return Controller(
            kind.resource,
            reconciler,
            reconciler.drop_all,
            kube=self._kube,
            lease=self._lease,
            heartbeat=self.heartbeat,
        )

    @property
    def watching(self) -> bool:
        """At least one kind is watched."""
        return any(ready.is_set() for ready in self._kopf_ready)

    async def run(self) -> None:
        """Until told to stop; PartEnded when a part ends that must not."""
        self.stop_on_signals()
        background = [
            asyncio.create_task(part, name=name)
            for name, part in {
                "lease": self._lease.keep(),
                "heartbeat": self.heartbeat.keep(),
                **{plural: self._reconcile(plural) for plural in self._controllers},
            }.items()
        ]
        watch = asyncio.create_task(self._watch(), name="watch")
        stopped = asyncio.create_task(self._told_to_stop.wait(), name="stop")
        done, _ = await asyncio.wait([*background, watch, stopped], return_when=asyncio.FIRST_COMPLETED)
        log.info("stopping", told=stopped in done)
        # Effects end first, then the lease is given up, and only then kopf takes its time.
        await stop([*background, stopped])
        await self._lease.release()
        self._stop_kopf.set()
        await asyncio.wait([watch], timeout=10)
        await stop([watch])
        if stopped not in done:
            _raise_ended(done)

    async def _reconcile(self, plural: str) -> None:
        await self._served[plural].wait()
        await self._controllers[plural].run(self._namespace)

    async def _watch(self) -> None:
        """The kinds that are served now by one kopf, those whose CRD comes later by one each."""
        # Kopf names itself after its user otherwise, and the pod's user has no name.
        os.environ.setdefault("POD_ID", self._pod)
        plurals = set(self._controllers)
        first = await watching.until_served(self._kube, plurals, self.heartbeat.heard)
        async with asyncio.TaskGroup() as kopfs:
            kopfs.create_task(self._run_kopf(first, with_heartbeat=True))
            for plural in plurals - first:
                kopfs.create_task(self._watch_later(plural))

    async def _watch_later(self, plural: str) -> None:
        served = asyncio.create_task(watching.until_served(self._kube, {plural}))
        stopped = asyncio.create_task(self._stop_kopf.wait())
        await asyncio.wait([served, stopped], return_when=asyncio.FIRST_COMPLETED)
        found = served.result() if served.done() else set[str]()
        await stop([served, stopped])
        if found:
            await self._run_kopf(found)

    async def _run_kopf(self, plurals: set[str], *, with_heartbeat: bool = False) -> None:
        registry = watching.registry()
        if with_heartbeat:
            watching.watch_heartbeat(registry, self.heartbeat)
        for plural in plurals:
            watching.watch(registry, self._controllers[plural])
            self._served[plural].set()
        ready = asyncio.Event()
        self._kopf_ready.append(ready)
        others = asyncio.all_tasks()
        tasks = await kopf.spawn_tasks(
            registry=registry,
            settings=watching.settings(self.heartbeat),
            namespaces=[self._namespace],
            standalone=True,
            ready_flag=ready,
            stop_flag=self._stop_kopf,
        )
        # Kopf has just set its own handlers; its way of stopping would keep the lease for five seconds more.
        self.stop_on_signals()
        await kopf.run_tasks(tasks, ignored=others)
        if not self._stop_kopf.is_set():
            raise PartEnded(f"the watch of {', '.join(sorted(plurals))}")

    def stop_on_signals(self) -> None:
        """From the first moment: the first process of a container ignores every signal that it does not handle."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._told_to_stop.set)


def _raise_ended(parts: Iterable[asyncio.Task[Any]]) -> NoReturn:
    part = next(iter(parts))
    error = part.exception()
    log.error("part_ended", part=part.get_name(), error=repr(error), exc_info=error)
    raise PartEnded(f"{part.get_name()}: {error!r}") from error


async def main() -> None:
    settings = Settings()
    configure_logging("operator", settings.observe.log_level)
    async with AsyncExitStack() as stack:
        kube = await Kube.connect()
        stack.push_async_callback(kube.close)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        operator = Operator(settings, kube, session)
        operator.stop_on_signals()
        probes = await serve_probes(
            settings.health_port,
            healthy=lambda: operator.heartbeat.deaf,
            ready=lambda: "" if operator.watching else "waiting for the CRDs",
        )
        stack.push_async_callback(probes.cleanup)
        exporter = await serve_metrics(settings.metrics_port)
        stack.push_async_callback(exporter.cleanup)
        await operator.run()
