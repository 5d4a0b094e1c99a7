"""One look: the resource, its Deployments, inventory's view of the sale, and what the phase needs beside them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from amazonlite.common.core.clock import Clock, parse_iso
from amazonlite_operator.flash_sale.crd import FLASH_SALE
from amazonlite_operator.flash_sale.job import APP, job_name
from amazonlite_operator.flash_sale.latest_books import LatestBooks
from amazonlite_operator.flash_sale.observed import JobView, Observed, Replicas, sale_id_of
from amazonlite_operator.flash_sale.phases import TERMINAL, Phase
from amazonlite_operator.flash_sale.ports import Claims, Cluster, Ledgers, Sales
from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.flash_sale.slo import Sampler
from amazonlite_operator.flash_sale.spec import FlashSaleSpec
from amazonlite_operator.flash_sale.state import Books, FlashSaleStatus, Slo, Step
from amazonlite_operator.kube.api import Manifest
from amazonlite_operator.kube.controller import Key
from amazonlite_operator.shop.client import Refusal, Unreachable
from amazonlite_operator.shop.inventory import SaleView

FINALIZER = "amazonlite.dev/flash-sale"


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
        metadata = manifest["metadata"]
        seen = _Resource(
            uid=metadata["uid"],
            namespace=key.namespace,
            name=key.name,
            spec=FlashSaleSpec.model_validate(manifest["spec"]),
            status=_status(manifest),
            deleting="deletionTimestamp" in metadata,
        )
        has_finalizer = FINALIZER in metadata.get("finalizers", ())
        return Look(manifest, await self._observed(seen, metadata["generation"], has_finalizer))

    def forget(self, uid: str) -> None:
        self._samplers.pop(uid, None)
        self._latest_books.forget(sale_id_of(uid))

    async def deployments(self, namespace: str, names: set[str]) -> dict[str, Replicas]:
        ordered = sorted(names)
        found = await asyncio.gather(*(self._cluster.get(deployment_path(namespace, name)) for name in ordered))
        return {name: _replicas(manifest) for name, manifest in zip(ordered, found, strict=True) if manifest}

    async def _observed(self, r: _Resource, generation: int, has_finalizer: bool) -> Observed:
        over = r.status.phase in TERMINAL and not has_finalizer
        rehearsal = r.status.rehearsal is not None and (
            r.deleting or r.status.phase in (Phase.REHEARSING, Phase.DRAINING)
        )
        deployments, sale, rehearsal_sale, job, slo, books = await asyncio.gather(
            self.deployments(r.namespace, r.deployments),
            self._sale(r.sale_id, wanted=not over),
            self._sale(f"{r.sale_id}r", wanted=rehearsal),
            self._job(r, wanted=rehearsal),
            self._slo(r),
            self._books(r),
        )
        return Observed(
            now=self._clock.now(),
            uid=r.uid,
            name=r.name,
            namespace=r.namespace,
            generation=generation,
            deleting=r.deleting,
            has_finalizer=has_finalizer,
            spec=r.spec,
            status=r.status,
            deployments=deployments,
            inventory_up=sale is not _DOWN and rehearsal_sale is not _DOWN,
            sale=sale if isinstance(sale, SaleView) else None,
            rehearsal_sale=rehearsal_sale if isinstance(rehearsal_sale, SaleView) else None,
            rehearsal_job=job,
            slo=slo,
            books=books,
        )

    async def _sale(self, sale_id: str, *, wanted: bool) -> SaleView | _Down | None:
        if not wanted:
            return None
        try:
            return await self._sales.view(sale_id)
        except Unreachable:
            return _DOWN

    async def _job(self, r: _Resource, *, wanted: bool) -> JobView | None:
        if not wanted:
            return None
        job = await self._cluster.get(f"/apis/batch/v1/namespaces/{r.namespace}/jobs/{job_name(r.name)}")
        if job is None or "deletionTimestamp" in job["metadata"]:
            return None
        ended = {c["type"] for c in job.get("status", {}).get("conditions", ()) if c["status"] == "True"}
        if not ended & {"Complete", "Failed"}:
            return JobView(finished=False)
        pods = await self._cluster.items(
            f"/api/v1/namespaces/{r.namespace}/pods",
            labelSelector=f"app.kubernetes.io/name={APP},batch.kubernetes.io/job-name={job_name(r.name)}",
        )
        reports = [report for pod in pods if (report := _report(pod))]
        return JobView(finished=True, succeeded="Complete" in ended, report=reports[-1] if reports else {})

    async def _slo(self, r: _Resource) -> Slo:
        opened = r.status.since(Phase.LIVE)
        if r.status.phase is not Phase.LIVE or r.spec.slo is None or opened is None or r.deleting:
            return Slo()
        sampler = self._samplers.setdefault(r.uid, Sampler())
        now, window = self._clock.now(), r.spec.slo.window
        sampler.add(now, await self._claims.scrape(r.namespace, r.sale_id), keep=window + timedelta(seconds=5))
        changed = r.status.admission.changed_at if r.status.admission else opened
        return sampler.measure(r.spec.slo, since=max(opened, changed, now - window))

    async def _books(self, r: _Resource) -> Books | None:
        """Of a running sale as last read, without waiting; of a settled one as of now, for they end it."""
        if r.deleting or r.status.outcome is not None:
            return None
        if r.status.settlement is None:
            running = r.status.allocated and r.status.phase in (Phase.LIVE, Phase.PAUSED, Phase.DRAINING)
            return self._latest_books.of(r.sale_id) if running else None
        if r.status.floors:
            return None  # replicas go back first, whoever answers
        try:
            return await self._latest_books.read(r.sale_id)
        except (Unreachable, Refusal):
            return None


@dataclass(frozen=True, slots=True)
class _Resource:
    uid: str
    namespace: str
    name: str
    spec: FlashSaleSpec
    status: FlashSaleStatus
    deleting: bool

    @property
    def sale_id(self) -> str:
        return sale_id_of(self.uid)

    @property
    def deployments(self) -> set[str]:
        targets = {target.deployment for target in self.spec.targets}
        return targets | {floor.deployment for floor in self.status.floors}


class _Down:
    """Inventory didn't answer."""


_DOWN = _Down()


def _status(manifest: Manifest) -> FlashSaleStatus:
    status = FlashSaleStatus.model_validate(manifest.get("status") or {})
    if status.timeline:
        return status
    created: datetime = parse_iso(manifest["metadata"]["creationTimestamp"])
    return status.changed(timeline=[Step(phase=Phase.PENDING, at=created, reason=Reason.SCHEDULED, message="created")])


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
