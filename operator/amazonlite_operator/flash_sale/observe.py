"""Observes what a sale's next action depends on: its Deployments, inventory's view of it, and what its phase needs."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TypeAlias

from amazonlite.common.core.clock import Clock
from amazonlite_operator.flash_sale.observation import SaleObservation, abort_requested, sale_id_of
from amazonlite_operator.flash_sale.phases import Phase
from amazonlite_operator.flash_sale.rehearsal_job import APP, job_name
from amazonlite_operator.flash_sale.slo import measure
from amazonlite_operator.flash_sale.spec import FlashSaleSpec
from amazonlite_operator.flash_sale.status import FlashSaleStatus, Slo
from amazonlite_operator.kind.deployments import read_deployments
from amazonlite_operator.kind.job import JobObservation, observe_job
from amazonlite_operator.kind.latest import Latest
from amazonlite_operator.kind.observation import Resource
from amazonlite_operator.kind.ports import Cluster
from amazonlite_operator.kind.reading import Reading, read
from amazonlite_operator.shop.books import Books
from amazonlite_operator.shop.counters import Samples
from amazonlite_operator.shop.inventory import SaleView
from amazonlite_operator.shop.ports import Counts, Ledgers, Sales

BOOKS_EVERY = timedelta(seconds=5)
SaleResource: TypeAlias = Resource[FlashSaleSpec, FlashSaleStatus]


class Observer:
    def __init__(self, cluster: Cluster, sales: Sales, ledgers: Ledgers, claims: Counts, clock: Clock) -> None:
        self._cluster = cluster
        self._sales = sales
        self._ledgers = ledgers
        self._claims = claims
        self._clock = clock
        self._samples: dict[str, Samples] = {}
        self._latest_books = Latest(self._books_now, clock, BOOKS_EVERY)

    async def observe(self, r: SaleResource) -> SaleObservation:
        """An end of the sale must not wait for rights that are missing; an abort waits for nothing at all."""
        unused = r.status.over and not r.has_finalizer
        unused = unused or (r.invalid is not None and not r.deleting and not abort_requested(r))
        rehearsal = r.status.rehearsal is not None and (
            r.deleting or r.status.phase in (Phase.REHEARSING, Phase.DRAINING)
        )
        sale_id = sale_id_of(r.uid)
        deployments, job, slo, sale, shadow, books = await asyncio.gather(
            read(read_deployments(self._cluster, r.key.namespace, _deployments_of(r)), {}),
            read(self._job(r, rehearsal), None),
            read(self._slo(r), Slo()),
            read(self._sale(None if unused else sale_id), None, "inventory"),
            read(self._sale(f"{sale_id}r" if rehearsal and not unused else None), None, "inventory"),
            read(self._books(r), None, "orders or payments"),
        )
        failure = deployments.failure or job.failure or slo.failure
        if failure is not None and not (abort_requested(r) and _may_sell(sale)):
            raise failure
        return SaleObservation(
            now=self._clock.now(),
            resource=r,
            cluster_refusal=deployments.refusal or job.refusal or slo.refusal,
            deployments=deployments.value,
            inventory_up=sale.error is None and shadow.error is None,
            sale=sale.value,
            rehearsal_sale=shadow.value,
            rehearsal_job=job.value,
            slo=slo.value,
            books=books.value,
            inventory_refusal=sale.refusal or shadow.refusal,
            books_refusal=books.refusal,
            capacity_unknown=f"{deployments.error}." if deployments.error else "",
        )

    def drop(self, uid: str) -> None:
        """The sale is gone: nothing of it is remembered any more."""
        self._samples.pop(uid, None)
        self._latest_books.drop(sale_id_of(uid))

    async def _sale(self, sale_id: str | None) -> SaleView | None:
        return await self._sales.view(sale_id) if sale_id is not None else None

    async def _job(self, r: SaleResource, rehearsal: bool) -> JobObservation | None:
        return await observe_job(self._cluster, r, job_name(r.key.name), APP) if rehearsal else None

    async def _slo(self, r: SaleResource) -> Slo:
        """Over slo.window, but not since before the doors opened or admission last changed."""
        opened = r.status.since(Phase.LIVE)
        objective = r.stored_spec.slo if r.stored_spec else None
        if r.status.phase is not Phase.LIVE or objective is None or opened is None or r.deleting:
            return Slo()
        samples = self._samples.setdefault(r.uid, Samples())
        now, window = self._clock.now(), objective.window
        scraped = await self._claims.scrape(r.key.namespace, sale_id_of(r.uid))
        samples.add(now, scraped, keep=window + timedelta(seconds=5))
        changed = r.status.admission.changed_at if r.status.admission else opened
        return measure(objective, samples.increase(since=max(opened, changed, now - window)))

    async def _books(self, r: SaleResource) -> Books | None:
        """Of a running sale as last read, without waiting; of a settled one as of now, for they end it."""
        if r.deleting or r.invalid is not None or r.status.outcome is not None:
            return None
        if r.status.settlement is None:
            running = r.status.allocated and r.status.phase in (Phase.LIVE, Phase.PAUSED, Phase.DRAINING)
            return self._latest_books.of(sale_id_of(r.uid)) if running else None
        # Replicas go back first, whoever answers.
        return None if r.status.floors else await self._books_now(sale_id_of(r.uid))

    async def _books_now(self, sale_id: str) -> Books:
        """With the time that the reading was begun."""
        begun = self._clock.now()
        books = await self._ledgers.books(sale_id)
        return books.model_copy(update={"read_at": begun})


def _may_sell(sale: Reading[SaleView | None]) -> bool:
    """As far as is known."""
    return sale.error is not None or (sale.value is not None and not sale.value.closed)


def _deployments_of(r: SaleResource) -> set[str]:
    targets = {target.deployment for target in r.stored_spec.targets} if r.stored_spec else set()
    return targets | {floor.deployment for floor in r.status.floors}
