"""Effects. Each is idempotent by itself or by its step's key, and may be cut off at any point and repeated."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import assert_never

from amazonlite.common.core.certain import certain
from amazonlite_operator.flash_sale import evidence, floors
from amazonlite_operator.flash_sale.actions import (
    AddFinalizer,
    Allocate,
    DeleteJob,
    DeleteSale,
    RaiseFloor,
    RememberFloors,
    RemoveFinalizer,
    RestoreFloors,
    SetAdmission,
    SetState,
    Settle,
    StartJob,
    StopClaims,
    Wait,
    WriteEvidence,
)
from amazonlite_operator.flash_sale.crd import FLASH_SALE
from amazonlite_operator.flash_sale.job import job, job_name
from amazonlite_operator.flash_sale.observe import Look, Observer, deployment_path, path_of
from amazonlite_operator.flash_sale.observed import Observed
from amazonlite_operator.flash_sale.ports import Cluster, Sales
from amazonlite_operator.flash_sale.state import Evidence, FlashSaleStatus, Floor, Settlement, Throttle
from amazonlite_operator.flash_sale.stored import FINALIZER
from amazonlite_operator.flash_sale.terms import sale_body
from amazonlite_operator.kube.api import ObjectConflict, ObjectNotFound
from amazonlite_operator.kube.controller import Key
from amazonlite_operator.kube.schema import read_what_fits
from amazonlite_operator.shop.inventory import Step, Stock

Effect = (
    AddFinalizer
    | RemoveFinalizer
    | Allocate
    | SetState
    | StopClaims
    | SetAdmission
    | Settle
    | DeleteSale
    | StartJob
    | DeleteJob
    | RememberFloors
    | RaiseFloor
    | RestoreFloors
    | WriteEvidence
)


@dataclass(frozen=True, slots=True)
class RehearsalSettings:
    image: str
    gateway_url: str
    auth_url: str


class Effects:
    """`perform` does one effect and returns the status that remembers it, or None when looking again shows it.

    A Wait ends the pass: looking again now would show no more.
    """

    def __init__(self, cluster: Cluster, sales: Sales, observer: Observer, rehearsals: RehearsalSettings) -> None:
        self._cluster = cluster
        self._sales = sales
        self._observer = observer
        self._rehearsals = rehearsals

    async def perform(self, effect: Effect, look: Look, fence: int) -> FlashSaleStatus | Wait | None:
        o = look.observed
        match effect:
            case AddFinalizer():
                await self._finalizer(look, wanted=True)
            case RemoveFinalizer():
                await self._finalizer(look, wanted=False)
            case StopClaims(then):
                await self._sales.set_state(o.sale_id, "ABORTED", _step(o, "abort", fence))
                return then if isinstance(then, Wait) else then.status
            case Allocate() | SetState() | SetAdmission() | Settle() | DeleteSale():
                return await self._sell(effect, o, fence)
            case StartJob() | DeleteJob():
                await self._job(o, isinstance(effect, StartJob))
            case RememberFloors() | RaiseFloor() | RestoreFloors():
                return await self._capacity(effect, o)
            case WriteEvidence():
                return await self._evidence(o)
            case _:
                assert_never(effect)
        return None

    async def _finalizer(self, look: Look, *, wanted: bool) -> None:
        metadata = look.manifest["metadata"]
        others = [name for name in metadata.get("finalizers", ()) if name != FINALIZER]
        finalizers = [*others, FINALIZER] if wanted else others
        guarded = {"metadata": {"finalizers": finalizers, "resourceVersion": metadata["resourceVersion"]}}
        with suppress(ObjectNotFound):
            await self._cluster.merge(path_of(_key(look.observed)), guarded)

    async def _sell(
        self, effect: Allocate | SetState | SetAdmission | Settle | DeleteSale, o: Observed, fence: int
    ) -> FlashSaleStatus | None:
        match effect:
            case Allocate(rehearsal):
                return await self._allocate(o, fence, rehearsal)
            case SetState(state, step, rehearsal):
                await self._sales.set_state(_sale(o, rehearsal), state, _step(o, step, fence))
            case SetAdmission(max_active, rate):
                return await self._admit(o, fence, max_active, rate)
            case Settle():
                return await self._settle(o, fence)
            case DeleteSale(rehearsal):
                step = "rehearsal-delete" if rehearsal else "delete"
                await self._sales.delete(_sale(o, rehearsal), _step(o, step, fence))
        return None

    async def _allocate(self, o: Observed, fence: int, rehearsal: bool) -> FlashSaleStatus | None:
        step = _step(o, "rehearsal-allocate" if rehearsal else "allocate", fence)
        await self._sales.allocate(_sale(o, rehearsal), sale_body(o, rehearsal=rehearsal), step)
        if rehearsal:
            return None
        asked = o.spec.admission
        given = Throttle(
            max_active=asked.max_active,
            rate_per_second=asked.rate_per_second,
            asked_rate=asked.rate_per_second,
            changed_at=o.now,
            sequence=0,
        )
        return o.status.changed(allocated=True, admission=given)

    async def _admit(self, o: Observed, fence: int, max_active: int, rate: int) -> FlashSaleStatus:
        sequence = o.status.admission.sequence + 1 if o.status.admission else 1
        step = _step(o, f"admission-{sequence}-{max_active}-{rate}", fence)
        await self._sales.set_admission(o.sale_id, max_active, rate, step)
        given = Throttle(
            max_active=max_active,
            rate_per_second=rate,
            asked_rate=o.spec.admission.rate_per_second,
            changed_at=o.now,
            sequence=sequence,
        )
        return o.status.changed(admission=given)

    async def _settle(self, o: Observed, fence: int) -> FlashSaleStatus:
        report = await self._sales.settle(o.sale_id, _step(o, "settle", fence))
        settlement = Settlement(
            at=o.now,
            stock=Stock.model_validate(report["stock"]),
            oversold=report.get("oversold", 0),
            conserved=report["conserved"],
        )
        return o.status.changed(settlement=settlement)

    async def _job(self, o: Observed, wanted: bool) -> None:
        collection = f"/apis/batch/v1/namespaces/{o.namespace}/jobs"
        if not wanted:
            await self._cluster.delete(f"{collection}/{job_name(o.name)}")
            return
        settings = self._rehearsals
        body = job(o, image=settings.image, gateway_url=settings.gateway_url, auth_url=settings.auth_url)
        with suppress(ObjectConflict):
            await self._cluster.create(collection, body)

    async def _capacity(
        self, effect: RememberFloors | RaiseFloor | RestoreFloors, o: Observed
    ) -> FlashSaleStatus | None:
        if isinstance(effect, RaiseFloor):
            await self._scale(o.namespace, effect.floor.deployment, effect.floor.raised)
            return None
        # Others' floors first, Deployments after: a floor is given up only after its Deployment was put back.
        others = await self._others(o)
        if isinstance(effect, RememberFloors):
            current = await self._observer.deployments(o.namespace, {t.deployment for t in o.spec.targets})
            return o.status.changed(floors=floors.remember(o.spec.targets, o.status.floors, current, others))
        current = await self._observer.deployments(o.namespace, {floor.deployment for floor in o.status.floors})
        for floor in o.status.floors:
            goal = floors.restored(floor, current[floor.deployment], others) if floor.deployment in current else None
            if goal is not None:
                await self._scale(o.namespace, floor.deployment, goal)
        return o.status.changed(floors=[])

    async def _others(self, o: Observed) -> Sequence[Floor]:
        """The floors of all other sales that hold some."""
        items = await self._cluster.items(FLASH_SALE.path.format(namespace=o.namespace))
        statuses = [
            read_what_fits(FlashSaleStatus, item.get("status") or {})[0]
            for item in items
            if item["metadata"]["uid"] != o.uid
        ]
        return [floor for status in statuses for floor in status.floors]

    async def _scale(self, namespace: str, deployment: str, replicas: int) -> None:
        path = f"{deployment_path(namespace, deployment)}/scale"
        scale = await self._cluster.get(path)
        if scale is None or scale["spec"].get("replicas", 0) == replicas:
            return
        guard = {"resourceVersion": scale["metadata"]["resourceVersion"]}
        await self._cluster.merge(path, {"metadata": guard, "spec": {"replicas": replicas}})

    async def _evidence(self, o: Observed) -> FlashSaleStatus:
        body = evidence.config_map(o, certain(o.status.outcome, "evidence is planned with an outcome only"))
        collection, name = f"/api/v1/namespaces/{o.namespace}/configmaps", body["metadata"]["name"]
        data = body["data"]
        try:
            await self._cluster.create(collection, body)
        except ObjectConflict:  # written before a kill, perhaps with an older look at the queue: what is there counts
            existing = await self._cluster.get(f"{collection}/{name}")
            data = existing["data"] if existing else data
        return o.status.changed(evidence=Evidence(config_map=name, sha256=evidence.digest(data)))


def _key(o: Observed) -> Key:
    return Key(o.namespace, o.name)


def _sale(o: Observed, rehearsal: bool) -> str:
    return o.rehearsal_id if rehearsal else o.sale_id


def _step(o: Observed, step: str, fence: int) -> Step:
    return Step(key=f"{o.uid}:{step}", fence=fence)
