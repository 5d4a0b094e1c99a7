"""Effects. Each is idempotent by itself or by its step's key, and may be cut off at any point and repeated."""

from __future__ import annotations

from contextlib import suppress
from typing import assert_never

from amazonlite_operator.flash_sale.actions import (
    Allocate,
    DeleteJob,
    DeleteSale,
    Effect,
    RaiseFloor,
    RememberFloors,
    RestoreFloors,
    SetAdmission,
    SetState,
    Settle,
    StartJob,
    StopClaims,
)
from amazonlite_operator.flash_sale.crd import FLASH_SALES
from amazonlite_operator.flash_sale.observation import SaleObservation
from amazonlite_operator.flash_sale.rehearsal_job import job_name, rehearsal_job
from amazonlite_operator.flash_sale.status import FlashSaleStatus, Settlement, Throttle
from amazonlite_operator.flash_sale.terms import sale_body
from amazonlite_operator.kind.actions import Wait
from amazonlite_operator.kind.deployments import scale
from amazonlite_operator.kind.job import jobs_path
from amazonlite_operator.kind.operations import fenced_step
from amazonlite_operator.kind.ports import Cluster
from amazonlite_operator.kind.replica_floors import remember_floors, restore_floors
from amazonlite_operator.kube.api import ObjectConflict
from amazonlite_operator.settings import Settings
from amazonlite_operator.shop.inventory import Stock
from amazonlite_operator.shop.ports import Sales

SaleEffect = Allocate | SetState | StopClaims | SetAdmission | Settle | DeleteSale


class Effects:
    """`perform` does one effect, as kind.operations says."""

    def __init__(self, cluster: Cluster, sales: Sales, settings: Settings) -> None:
        self._cluster = cluster
        self._sales = sales
        self._settings = settings

    async def perform(self, effect: Effect, o: SaleObservation, fence: int) -> FlashSaleStatus | Wait | None:
        match effect:
            case StartJob() | DeleteJob():
                await self._job(effect, o)
            case RaiseFloor(floor):
                await scale(self._cluster, o.namespace, floor.deployment, floor.raised)
            case RememberFloors():
                sales, targets, held = FLASH_SALES.path(o.namespace), o.spec.targets, o.status.floors
                return o.status.changed(floors=await remember_floors(self._cluster, sales, o, targets, held))
            case RestoreFloors():
                sales, held = FLASH_SALES.path(o.namespace), o.status.floors
                return o.status.changed(floors=await restore_floors(self._cluster, sales, o, held))
            case _:
                return await self._sell(effect, o, fence)
        return None

    async def _sell(self, effect: SaleEffect, o: SaleObservation, fence: int) -> FlashSaleStatus | Wait | None:
        match effect:
            case Allocate(rehearsal):
                return await self._allocate(o, fence, rehearsal)
            case SetState(state, step, rehearsal):
                await self._sales.set_state(_sale(o, rehearsal), state, fenced_step(o, step, fence))
            case StopClaims(then):
                await self._sales.set_state(o.sale_id, "ABORTED", fenced_step(o, "abort", fence))
                return then if isinstance(then, Wait) else then.status
            case SetAdmission(max_active, rate):
                return await self._admit(o, fence, max_active, rate)
            case Settle():
                return await self._settle(o, fence)
            case DeleteSale(rehearsal):
                step = "rehearsal-delete" if rehearsal else "delete"
                await self._sales.delete(_sale(o, rehearsal), fenced_step(o, step, fence))
            case _:
                assert_never(effect)
        return None

    async def _allocate(self, o: SaleObservation, fence: int, rehearsal: bool) -> FlashSaleStatus | None:
        step = fenced_step(o, "rehearsal-allocate" if rehearsal else "allocate", fence)
        await self._sales.allocate(_sale(o, rehearsal), sale_body(o, rehearsal=rehearsal), step)
        if rehearsal:
            return None
        asked = o.spec.admission
        given = _throttle(o, asked.max_active, asked.rate_per_second, sequence=0)
        return o.status.changed(allocated=True, admission=given)

    async def _admit(self, o: SaleObservation, fence: int, max_active: int, rate: int) -> FlashSaleStatus:
        sequence = o.status.admission.sequence + 1 if o.status.admission else 1
        step = fenced_step(o, f"admission-{sequence}-{max_active}-{rate}", fence)
        await self._sales.set_admission(o.sale_id, max_active, rate, step)
        return o.status.changed(admission=_throttle(o, max_active, rate, sequence))

    async def _settle(self, o: SaleObservation, fence: int) -> FlashSaleStatus:
        report = await self._sales.settle(o.sale_id, fenced_step(o, "settle", fence))
        settlement = Settlement(
            at=o.now,
            stock=Stock.model_validate(report["stock"]),
            oversold=report.get("oversold", 0),
            conserved=report["conserved"],
        )
        return o.status.changed(settlement=settlement)

    async def _job(self, effect: StartJob | DeleteJob, o: SaleObservation) -> None:
        if isinstance(effect, DeleteJob):
            await self._cluster.delete(f"{jobs_path(o.namespace)}/{job_name(o.name)}")
            return
        body = rehearsal_job(o, self._settings).manifest(o.resource, self._settings.operator_image)
        with suppress(ObjectConflict):
            await self._cluster.create(jobs_path(o.namespace), body)


def _sale(o: SaleObservation, rehearsal: bool) -> str:
    return o.rehearsal_id if rehearsal else o.sale_id


def _throttle(o: SaleObservation, max_active: int, rate: int, sequence: int) -> Throttle:
    return Throttle(
        max_active=max_active,
        rate_per_second=rate,
        asked_rate=o.spec.admission.rate_per_second,
        changed_at=o.now,
        sequence=sequence,
    )
