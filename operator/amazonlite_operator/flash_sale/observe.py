"""One look: the resource, its Deployments, inventory's view of the sale, and what the phase needs beside them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from amazonlite.common.core.clock import Clock
from amazonlite_operator.flash_sale import stored
from amazonlite_operator.flash_sale.crd import FLASH_SALE
from amazonlite_operator.flash_sale.job import APP, job_name
from amazonlite_operator.flash_sale.latest_books import LatestBooks
from amazonlite_operator.flash_sale.observed import JobView, Observed, Replicas, sale_id_of
from amazonlite_operator.flash_sale.phases import TERMINAL, Phase
from amazonlite_operator.flash_sale.ports import Claims, Cluster, Ledgers, Sales
from amazonlite_operator.flash_sale.slo import Sampler
from amazonlite_operator.flash_sale.state import Slo
from amazonlite_operator.flash_sale.stored import Stored
from amazonlite_operator.kube.api import KubeError, Manifest
from amazonlite_operator.kube.controller import Key
from amazonlite_operator.shop.books import Books
from amazonlite_operator.shop.client import Refusal, Unreachable
from amazonlite_operator.shop.inventory import SaleView


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen, and the manifest whose resourceVersion guards the writes that follow from it."""

    manifest: Manifest
    observed: Observed


def path_of(key: Key) -> str:
    return f"{FLASH_SALE.path.format(namespace=key.namespace)}/{key.name}"


def deployment_path(namespace: str, name: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"


class Observer:
    def __init__(self, cluster: Cluster, sales: Sales, ledgers: Ledgers, claims: Claims, clock: Clock) -> None:
        self._cluster = cluster
        self._sales = sales
        self._claims = claims
        self._clock = clock
        self._samplers: dict[str, Sampler] = {}
        self._latest_books = LatestBooks(ledgers, clock)

    async def look(self, key: Key, manifest: Manifest) -> Look:
        """Everything beside the resource, which was read just now; `forget` its uid once it is gone."""
        return Look(manifest, await self._observed(stored.read(key.namespace, key.name, manifest)))

    def forget(self, uid: str) -> None:
        self._samplers.pop(uid, None)
        self._latest_books.forget(sale_id_of(uid))

    async def deployments(self, namespace: str, names: set[str]) -> dict[str, Replicas]:
        ordered = sorted(names)
        found = await asyncio.gather(*(self._cluster.get(deployment_path(namespace, name)) for name in ordered))
        return {name: _replicas(manifest) for name, manifest in zip(ordered, found, strict=True) if manifest}

    async def _observed(self, r: Stored) -> Observed:
        over = r.status.phase in TERMINAL and not r.has_finalizer
        unused = over or (r.invalid is not None and not r.deleting and not r.abort_requested)
        rehearsal = r.status.rehearsal is not None and (
            r.deleting or r.status.phase in (Phase.REHEARSING, Phase.DRAINING)
        )
        part, sale, shadow, (books, books_refusal) = await asyncio.gather(
            self._cluster_part(r, rehearsal),
            self._sale(r.sale_id, wanted=not unused),
            self._sale(f"{r.sale_id}r", wanted=rehearsal and not unused),
            self._books(r),
        )
        away = [found for found in (sale, shadow) if isinstance(found, _Away)]
        if part.failure is not None and not (r.abort_requested and _may_sell(sale)):
            raise part.failure
        return Observed(
            now=self._clock.now(),
            uid=r.uid,
            name=r.name,
            namespace=r.namespace,
            generation=r.generation,
            deleting=r.deleting,
            has_finalizer=r.has_finalizer,
            stored_spec=r.spec,
            status=r.status,
            invalid=r.invalid,
            deployments=part.deployments,
            inventory_up=not away,
            sale=sale if isinstance(sale, SaleView) else None,
            rehearsal_sale=shadow if isinstance(shadow, SaleView) else None,
            rehearsal_job=part.job,
            slo=part.slo,
            books=books,
            inventory_refusal=next((found.refusal for found in away if found.refusal), ""),
            books_refusal=books_refusal,
            cluster_refusal=part.refusal,
            capacity_unknown=part.capacity_unknown,
            abort_requested=r.abort_requested,
        )

    async def _cluster_part(self, r: Stored, rehearsal: bool) -> _ClusterPart:
        """What the API server shows, and its refusals: an end of the sale must not wait for rights that are missing."""
        deployments, job, slo = await asyncio.gather(
            self.deployments(r.namespace, r.deployments),
            self._job(r, wanted=rehearsal),
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

    async def _sale(self, sale_id: str, *, wanted: bool) -> SaleView | _Away | None:
        if not wanted:
            return None
        try:
            return await self._sales.view(sale_id)
        except Unreachable:
            return _Away()
        except Refusal as refusal:
            return _Away(f"inventory: {refusal}")

    async def _job(self, r: Stored, *, wanted: bool) -> JobView | None:
        if not wanted:
            return None
        job = await self._cluster.get(f"/apis/batch/v1/namespaces/{r.namespace}/jobs/{job_name(r.name)}")
        if job is None:
            return None
        if not _owned(job, r.uid) or "deletionTimestamp" in job["metadata"]:
            return JobView(finished=False, ours=False)
        ended = {c["type"] for c in job.get("status", {}).get("conditions", ()) if c["status"] == "True"}
        if not ended & {"Complete", "Failed"}:
            return JobView(finished=False)
        pods = await self._cluster.items(
            f"/api/v1/namespaces/{r.namespace}/pods",
            labelSelector=f"app.kubernetes.io/name={APP},batch.kubernetes.io/controller-uid={job['metadata']['uid']}",
        )
        reports = [report for pod in pods if (report := _report(pod))]
        return JobView(finished=True, succeeded="Complete" in ended, report=reports[-1] if reports else {})

    async def _slo(self, r: Stored) -> Slo:
        opened = r.status.since(Phase.LIVE)
        if r.status.phase is not Phase.LIVE or r.spec is None or r.spec.slo is None or opened is None or r.deleting:
            return Slo()
        sampler = self._samplers.setdefault(r.uid, Sampler())
        now, window = self._clock.now(), r.spec.slo.window
        sampler.add(now, await self._claims.scrape(r.namespace, r.sale_id), keep=window + timedelta(seconds=5))
        changed = r.status.admission.changed_at if r.status.admission else opened
        return sampler.measure(r.spec.slo, since=max(opened, changed, now - window))

    async def _books(self, r: Stored) -> tuple[Books | None, str]:
        """Of a running sale as last read, without waiting; of a settled one as of now, for they end it.

        With them the refusal, if orders or payments refuse the operator.
        """
        if r.deleting or r.invalid is not None or r.status.outcome is not None:
            return None, ""
        if r.status.settlement is None:
            running = r.status.allocated and r.status.phase in (Phase.LIVE, Phase.PAUSED, Phase.DRAINING)
            return self._latest_books.of(r.sale_id) if running else None, ""
        if r.status.floors:
            return None, ""  # replicas go back first, whoever answers
        try:
            return await self._latest_books.read(r.sale_id), ""
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
    job: JobView | None
    slo: Slo
    refusal: str
    capacity_unknown: str
    failure: BaseException | None


def _refused(error: BaseException) -> bool:
    return isinstance(error, KubeError) and error.refused


def _may_sell(sale: SaleView | _Away | None) -> bool:
    """As far as is known."""
    return isinstance(sale, _Away) or (sale is not None and sale.state not in ("ABORTED", "SETTLED"))


def _owned(job: Manifest, uid: str) -> bool:
    """By uid: a Job of an earlier sale of the same name is another's."""
    owners = job["metadata"].get("ownerReferences", ())
    return any(owner["uid"] == uid and owner.get("controller") for owner in owners)


def _replicas(manifest: Manifest) -> Replicas:
    """Ready replicas count only once the controller has seen the latest spec: before, they are of the old one."""
    status = manifest.get("status", {})
    seen = status.get("observedGeneration", 0) >= manifest["metadata"]["generation"]
    return Replicas(manifest["spec"].get("replicas", 1), status.get("readyReplicas", 0) if seen else 0)


def _report(pod: dict[str, Any]) -> dict[str, float]:
    """The termination message of the rehearsal's container, when it is the JSON it should be."""
    for container in pod.get("status", {}).get("containerStatuses", ()):
        message = container.get("state", {}).get("terminated", {}).get("message", "")
        try:
            report = json.loads(message)
        except ValueError:
            continue
        if isinstance(report, dict):
            return report
    return {}
