"""Synthetic customers buy a shadow SKU through the real gateway, before anybody else does. A bad outcome is told loudly
and stops nothing: whether to sell anyway is for people to decide."""

from __future__ import annotations

from datetime import timedelta

from amazonlite.common.core.certain import certain
from amazonlite_operator.flash_sale.actions import Action, Allocate, DeleteJob, DeleteSale, SetState, StartJob
from amazonlite_operator.flash_sale.moves import inventory_away
from amazonlite_operator.flash_sale.observation import SaleObservation
from amazonlite_operator.flash_sale.phases import Phase
from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.flash_sale.rehearsal_job import job_name
from amazonlite_operator.flash_sale.spec import FlashSaleSpec, Rehearsal
from amazonlite_operator.flash_sale.status import FlashSaleStatus, RehearsalResult
from amazonlite_operator.kind.actions import Record, Wait
from amazonlite_operator.kind.job import JobObservation
from amazonlite_operator.kind.moves import SOON, advance, cluster_refuses

STARTUP = timedelta(seconds=20)
PATIENCE = timedelta(seconds=60)


def duration(rehearsal: Rehearsal) -> timedelta:
    """What it should take: the pod's start and the arrival of all customers."""
    return STARTUP + timedelta(seconds=rehearsal.customers / rehearsal.rate_per_second)


def begin(o: SaleObservation) -> Record[FlashSaleStatus]:
    expected = duration(certain(o.spec.rehearsal, "a rehearsal is planned with one in the spec only"))
    if o.now + expected > o.spec.prewarm_at:
        return Record(o.status.changed(rehearsal=_ended(o, o.now, o.now, Reason.REHEARSAL_SKIPPED)))
    deadline = min(o.spec.prewarm_at, o.now + 2 * expected + PATIENCE)
    result = RehearsalResult(started_at=o.now, deadline=deadline)
    return advance(o, Phase.REHEARSING, Reason.REHEARSING, rehearsal=result)


def step(o: SaleObservation) -> Action | None:
    """The next step of a rehearsal, or None when it is over and nothing of it is left."""
    result = o.status.rehearsal
    if result is None or result.reason:
        return clean_up(o)
    if o.rehearsal_job is not None and o.rehearsal_job.finished:
        return _record(o, _verdict(o.spec, o.rehearsal_job))
    if o.spec.rehearsal is None:
        return _record(o, Reason.REHEARSAL_WITHDRAWN)
    if o.now >= min(result.deadline, o.spec.prewarm_at):
        return _record(o, Reason.REHEARSAL_CUT_SHORT)
    return _set_up(o)


def _set_up(o: SaleObservation) -> Action:
    if not o.inventory_up:
        return inventory_away(o)
    if o.rehearsal_sale is None:
        return Allocate(rehearsal=True)
    if o.rehearsal_sale.state != "LIVE":
        return SetState("LIVE", "rehearsal-LIVE", rehearsal=True)
    if o.cluster_refusal:
        return cluster_refuses(o.cluster_refusal, SOON)
    if o.rehearsal_job is None:
        return StartJob()
    return Wait(SOON, Reason.REHEARSING, "" if o.rehearsal_job.ours else _name_taken(o))


def _name_taken(o: SaleObservation) -> str:
    return f"the Job {job_name(o.name)} is not of this sale, or is being deleted: the rehearsal begins once it is gone"


def clean_up(o: SaleObservation) -> Action | None:
    """None once no Job is left, and no shadow as far as inventory answers.

    A shadow that inventory never heard of gets a tombstone, as clear_sale says.
    """
    if o.rehearsal_job is not None and o.rehearsal_job.ours:
        return DeleteJob()
    if _begun(o) and o.inventory_up and (o.rehearsal_sale is None or not o.rehearsal_sale.over):
        return DeleteSale(rehearsal=True)
    return None


def _begun(o: SaleObservation) -> bool:
    result = o.status.rehearsal
    return result is not None and result.reason != Reason.REHEARSAL_SKIPPED


def _record(o: SaleObservation, reason: Reason) -> Record[FlashSaleStatus]:
    rehearsal = certain(o.status.rehearsal, "a step is planned of one that was begun only")
    ended = _ended(o, rehearsal.started_at, rehearsal.deadline, reason)
    return Record(o.status.changed(rehearsal=ended))


def _ended(o: SaleObservation, started: object, deadline: object, reason: Reason) -> RehearsalResult:
    report = o.rehearsal_job.report if o.rehearsal_job else {}
    return RehearsalResult.model_validate(
        {**report, "startedAt": started, "deadline": deadline, "reason": reason, "message": reason.explanation}
    )


def _verdict(spec: FlashSaleSpec, job: JobObservation) -> Reason:
    if not job.succeeded or not job.report:
        return Reason.REHEARSAL_FAILED
    if spec.slo is None:
        return Reason.REHEARSAL_PASSED if not job.report.get("errors") else Reason.REHEARSAL_FAILED
    fast = job.report.get("p95Ms", float("inf")) <= spec.slo.p95 / timedelta(milliseconds=1)
    good = job.report.get("successRate", 0.0) >= spec.slo.success_rate
    return Reason.REHEARSAL_PASSED if fast and good else Reason.REHEARSAL_FAILED
