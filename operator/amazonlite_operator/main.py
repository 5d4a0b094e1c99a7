"""Composition root: wiring only."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import Any, NoReturn

import aiohttp
import kopf

from amazonlite.common.core.clock import SystemClock
from amazonlite.common.core.tasks import stop
from amazonlite.common.observe.logs import configure_logging, get_logger
from amazonlite_operator.flash_sale import handlers as flash_sale_handlers
from amazonlite_operator.flash_sale.apply import Effects, RehearsalSettings
from amazonlite_operator.flash_sale.crd import FLASH_SALE
from amazonlite_operator.flash_sale.observe import Observer
from amazonlite_operator.flash_sale.reconcile import Reconciler
from amazonlite_operator.flash_sale.slo import ClaimCounters
from amazonlite_operator.kube import watching
from amazonlite_operator.kube.api import Kube
from amazonlite_operator.kube.controller import Controller
from amazonlite_operator.kube.events import Announcer
from amazonlite_operator.kube.heartbeat import Heartbeat
from amazonlite_operator.kube.lease import Lease
from amazonlite_operator.kube.probes import serve_metrics, serve_probes
from amazonlite_operator.settings import Settings
from amazonlite_operator.shop.books import Bookkeeping
from amazonlite_operator.shop.client import ShopClient, TokenSource
from amazonlite_operator.shop.inventory import Inventory
from amazonlite_operator.shop.scrape import PodScraper

LEASE = "amazonlite-operator"

log = get_logger(__name__)


class PartEnded(Exception):
    """A part that must run for ever has ended, so the process ends too, with exit status 1: it is started again."""


class Operator:
    """The parts of one replica."""

    def __init__(self, settings: Settings, kube: Kube, session: aiohttp.ClientSession) -> None:
        self._namespace = settings.pod_namespace
        self._pod = settings.pod_name
        self._kube = kube
        self._lease = Lease(kube, namespace=self._namespace, name=LEASE, identity=settings.pod_name)
        self.heartbeat = Heartbeat(kube, namespace=self._namespace, pod=settings.pod_name)
        clock = SystemClock()
        announcer = Announcer(kube, clock, instance=settings.pod_name)
        tokens = TokenSource(session, settings.auth.url, settings.auth.client_id, settings.auth.client_secret)
        inventory = Inventory(ShopClient(session, settings.inventory_url, tokens))
        books = Bookkeeping(
            ShopClient(session, settings.order_url, tokens), ShopClient(session, settings.payment_url, tokens)
        )
        observer = Observer(kube, inventory, books, ClaimCounters(PodScraper(kube, session)), clock)
        rehearsals = RehearsalSettings(settings.operator_image, settings.gateway_url, settings.auth.url)
        effects = Effects(kube, inventory, observer, rehearsals)
        reconciler = Reconciler(kube, observer, effects, self._lease, announcer)
        self._controller = Controller(
            FLASH_SALE, reconciler, reconciler.forget_all, kube=kube, lease=self._lease, heartbeat=self.heartbeat
        )
        self._told_to_stop = asyncio.Event()
        self._stop_kopf = asyncio.Event()
        self._kopf_ready = asyncio.Event()

    @property
    def watching(self) -> bool:
        return self._kopf_ready.is_set()

    async def run(self) -> None:
        """Until told to stop; PartEnded when a part ends that must not."""
        self._stop_on_signals()
        background = [
            asyncio.create_task(part, name=name)
            for name, part in {
                "lease": self._lease.keep(),
                "heartbeat": self.heartbeat.keep(),
                "flash-sales": self._controller.run(self._namespace),
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

    async def _watch(self) -> None:
        await watching.until_served(self._kube, {FLASH_SALE.plural}, self.heartbeat)
        # Kopf names itself after its user otherwise, and the pod's user has no name.
        os.environ.setdefault("POD_ID", self._pod)
        registry = watching.registry(self.heartbeat)
        flash_sale_handlers.register(registry, self._controller)
        others = asyncio.all_tasks()
        tasks = await kopf.spawn_tasks(
            registry=registry,
            settings=watching.settings(self.heartbeat),
            namespaces=[self._namespace],
            standalone=True,
            ready_flag=self._kopf_ready,
            stop_flag=self._stop_kopf,
        )
        # Kopf has just set its own handlers; its way of stopping would keep the lease for five seconds more.
        self._stop_on_signals()
        await kopf.run_tasks(tasks, ignored=others)

    def _stop_on_signals(self) -> None:
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
        probes = await serve_probes(
            settings.health_port,
            healthy=lambda: operator.heartbeat.deaf,
            ready=lambda: "" if operator.watching else "waiting for the CRDs",
        )
        stack.push_async_callback(probes.cleanup)
        exporter = await serve_metrics(settings.metrics_port)
        stack.push_async_callback(exporter.cleanup)
        await operator.run()
