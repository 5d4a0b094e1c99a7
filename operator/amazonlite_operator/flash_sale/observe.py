"""Observes what a sale's next action depends on: its Deployments, inventory's view of it, and what its phase needs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from amazonlite.common.core.clock import Clock
from amazonlite_operator.flash_sale.latest_books import LatestBooks
from amazonlite_operator.flash_sale.observation import Replicas, SaleObservation, abort_requested, sale_id_of
from amazonlite_operator.flash_sale.phases import Phase
from amazonlite_operator.flash_sale.ports import Claims, Ledgers, Sales
from amazonlite_operator.flash_sale.rehearsal_job import APP, job_name
from amazonlite_operator.flash_sale.slo import Sampler
from amazonlite_operator.flash_sale.spec import FlashSaleSpec
from amazonlite_operator.flash_sale.status import FlashSaleStatus, Slo
from amazonlite_operator.kind.job import JobObservation, observe_job
from amazonlite_operator.kind.observation import Resource
from amazonlite_operator.kind.ports import Cluster
from amazonlite_operator.kube.api import KubeError, Manifest
from amazonlite_operator.shop.books import Books
from amazonlite_operator.shop.client import Refusal, Unreachable
from amazonlite_operator.shop.inventory import SaleView

SaleResource = Resource[FlashSaleSpec, FlashSaleStatus]


def deployment_path(namespace: str, name: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"


async def read_deployments(cluster: Cluster, namespace: str, names: set[str]) -> dict[str, Replicas]:
    """Those that exist."""
    ordered = sorted(names)
    found = await asyncio.gather(*(cluster.get(deployment_path(namespace, name)) for name in ordered))
    return {name: _replicas(manifest) for name, manifest in zip(ordered, found, strict=True) if manifest}


class Observer:
    def __init__(self, cluster: Cluster, sales: Sales, ledgers: Ledgers, claims: Claims, clock: Clock) -> None:
        self._cluster = cluster
        self._sales = sales
        self._claims = claims
        self._clock = clock
        self._samplers: dict[str, Sampler] = {}
        self._latest_books = LatestBooks(ledgers, clock)

    async def observe(self, r: SaleResource) -> SaleObservation:
        over = r.status.over and not r.has_finalizer
        unused = over or (r.invalid is not None and not r.deleting and not abort_requested(r))
        rehearsal = r.status.rehearsal is not None and (
            r.deleting or r.status.phase in (Phase.REHEARSING, Phase.DRAINING)
        )
        sale_id = sale_id_of(r.uid)
        cluster, sale, shadow, (books, books_refusal) = await asyncio.gather(
            self._cluster_part(r, rehearsal),
            self._sale(None if unused else sale_id),
            self._sale(f"{sale_id}r" if rehearsal and not unused else None),
            self._books(r),
        )
        away = [found for found in (sale, shadow) if isinstance(found, _Away)]
        if cluster.failure is not None and not (abort_requested(r) and _may_sell(sale)):
            raise cluster.failure
        return SaleObservation(
            now=self._clock.now(),
            resource=r,
            cluster_refusal=cluster.refusal,
            deployments=cluster.deployments,
            inventory_up=not away,
            sale=sale if isinstance(sale, SaleView) else None,
            rehearsal_sale=shadow if isinstance(shadow, SaleView) else None,
            rehearsal_job=cluster.job,
            slo=cluster.slo,
            books=books,
            inventory_refusal=next((found.refusal for found in away if found.refusal), ""),
            books_refusal=books_refusal,
            capacity_unknown=cluster.capacity_unknown,
        )

    def drop(self, uid: str) -> None:
        """The sale is gone: nothing of it is remembered any more."""
        self._samplers.pop(uid, None)
        self._latest_books.drop(sale_id_of(uid))

    async def _cluster_part(self, r: SaleResource, rehearsal: bool) -> _ClusterPart:
        """What the API server shows, and its refusals: an end of the sale must not wait for rights that are missing."""
        deployments, job, slo = await asyncio.gather(
            read_deployments(self._cluster, r.key.namespace, _deployments_of(r)),
            self._job(r, rehearsal),
            self._slo(r),
            return_exceptions=True,
        )
        errors = [found for found in (deployments, job, slo) if isinstance(found, BaseException)]
        return _ClusterPart(
            deployments={} if isinstance(deployments, BaseException) else deployments,
            job=None if isinstance(job, BaseException) else job,
            slo=Slo() if isinstance(slo, BaseException) else slo,
            refusal=next((f"{error}." for error in errors if _refused(error)), ""),
            capacity_unknown=f"{deployments}." if isinstance(deployments, BaseException) else "",
            failure=next((error for error in errors if not _refused(error)), None),
        )

    async def _sale(self, sale_id: str | None) -> SaleView | _Away | None:
        if sale_id is None:
            return None
        try:
            return await self._sales.view(sale_id)
        except Unreachable:
            return _Away()
        except Refusal as refusal:
            return _Away(f"inventory: {refusal}")

    async def _job(self, r: SaleResource, rehearsal: bool) -> JobObservation | None:
        return await observe_job(self._cluster, r, job_name(r.key.name), APP) if rehearsal else None

    async def _slo(self, r: SaleResource) -> Slo:
        opened = r.status.since(Phase.LIVE)
        objective = r.stored_spec.slo if r.stored_spec else None
        if r.status.phase is not Phase.LIVE or objective is None or opened is None or r.deleting:
            return Slo()
        sampler = self._samplers.setdefault(r.uid, Sampler())
        now, window = self._clock.now(), objective.window
        scraped = await self._claims.scrape(r.key.namespace, sale_id_of(r.uid))
        sampler.add(now, scraped, keep=window + timedelta(seconds=5))
        changed = r.status.admission.changed_at if r.status.admission else opened
        return sampler.measure(objective, since=max(opened, changed, now - window))

    async def _books(self, r: SaleResource) -> tuple[Books | None, str]:
        """Of a running sale as last read, without waiting; of a settled one as of now, for they end it.

        With them the refusal, if orders or payments refuse the operator.
        """
        sale_id = sale_id_of(r.uid)
        if r.deleting or r.invalid is not None or r.status.outcome is not None:
            return None, ""
        if r.status.settlement is None:
            running = r.status.allocated and r.status.phase in (Phase.LIVE, Phase.PAUSED, Phase.DRAINING)
            return self._latest_books.of(sale_id) if running else None, ""
        if r.status.floors:
            return None, ""  # replicas go back first, whoever answers
        try:
            return await self._latest_books.read(sale_id), ""
        except Unreachable:
            return None, ""
        except Refusal as refusal:
            return None, f"orders or payments: {refusal}"


@dataclass(frozen=True, slots=True)
class _Away:
    """Inventory did not answer, or refused the operator."""

    refusal: str = ""


@dataclass(frozen=True, slots=True)
class _ClusterPart:
    """`refusal`: what a right is missing for; `failure`: what was not answered, so that only an abort can be done."""

    deployments: dict[str, Replicas]
    job: JobObservation | None
    slo: Slo
    refusal: str
    capacity_unknown: str
    failure: BaseException | None


def _refused(error: BaseException) -> bool:
    return isinstance(error, KubeError) and error.refused


def _may_sell(sale: SaleView | _Away | None) -> bool:
    """As far as is known."""
    return isinstance(sale, _Away) or (sale is not None and not sale.closed)


def _deployments_of(r: SaleResource) -> set[str]:
    targets = {target.deployment for target in r.stored_spec.targets} if r.stored_spec else set()
    return targets | {floor.deployment for floor in r.status.floors}


def _replicas(manifest: Manifest) -> Replicas:
    """Ready replicas count only once the controller has seen the latest spec: before, they are of the old one."""
    status = manifest.get("status", {})
    seen = status.get("observedGeneration", 0) >= manifest["metadata"]["generation"]
    return Replicas(manifest["spec"].get("replicas", 1), status.get("readyReplicas", 0) if seen else 0)
