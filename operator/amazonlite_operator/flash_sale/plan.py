"""From what is observed of a sale to the one next action, phase by phase. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from amazonlite_operator.flash_sale import rehearsal
from amazonlite_operator.flash_sale.actions import Action, Allocate, DeleteSale, RestoreFloors, SetAdmission
from amazonlite_operator.flash_sale.admission import next_admission, throttled
from amazonlite_operator.flash_sale.capacity import hold_capacity, keep_capacity, not_found
from amazonlite_operator.flash_sale.drain import draining
from amazonlite_operator.flash_sale.moves import clear_sale, enter, inventory_away, stop_claims
from amazonlite_operator.flash_sale.observation import SaleObservation
from amazonlite_operator.flash_sale.phases import Phase
from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.flash_sale.spec import OnBreach
from amazonlite_operator.flash_sale.status import Verdict
from amazonlite_operator.kind.actions import Record, Wait
from amazonlite_operator.kind.moves import SOON, advance, cluster_refuses
from amazonlite_operator.kube.reasons import ExplainedReason

QUEUE_REFRESH, LIVE_REFRESH = 5.0, 2.0


def plan(o: SaleObservation) -> Action:
    return _over(o) or _BY_PHASE[o.status.phase](o)


def release_over(o: SaleObservation, final: ExplainedReason) -> Action | None:
    """The outcome stays what is told while inventory is away: only the finalizer waits for it."""
    return clear_sale(o) if o.inventory_up else Wait(SOON, final)


def release_deleted(o: SaleObservation) -> Action | None:
    """Give back all that is held, in the order of its cost to others."""
    if o.sale is not None and not o.sale.over and o.sale.state != "ABORTED":
        return DeleteSale()
    if (step := rehearsal.clean_up(o)) is not None:
        return step
    return RestoreFloors() if o.status.floors else clear_sale(o)


def _over(o: SaleObservation) -> Action | None:
    """Abort, the end of the window and the last sold unit end a sale in whatever phase it is."""
    if o.status.phase is Phase.DRAINING:
        return None
    abort = o.status.abort_reason or (Reason.ABORT_REQUESTED if o.spec.abort else None)
    if abort:
        return stop_claims(o, advance(o, Phase.DRAINING, Reason.of(abort), abort_reason=str(abort)))
    if o.now >= o.spec.window.end:
        if o.status.phase is Phase.PENDING and not o.status.allocated:
            return clear_sale(o) or advance(o, Phase.FAILED, Reason.WINDOW_MISSED)
        return enter(o, "DRAINING") or advance(o, Phase.DRAINING, Reason.WINDOW_ENDED)
    if o.status.phase in (Phase.LIVE, Phase.PAUSED) and _sold_out(o):
        return enter(o, "DRAINING") or advance(o, Phase.DRAINING, Reason.SOLD_OUT)
    return None


def _sold_out(o: SaleObservation) -> bool:
    return o.sale is not None and o.sale.stock.free == o.sale.stock.held == 0


def _pending(o: SaleObservation) -> Action:
    if not o.status.allocated:
        return Allocate() if o.inventory_up else inventory_away(o)
    if o.spec.rehearsal and o.status.rehearsal is None:
        return rehearsal.begin(o)
    if o.capacity_unknown:
        return cluster_refuses(o.capacity_unknown)
    if o.missing:
        return not_found(o)
    if o.now >= o.spec.prewarm_at:
        return advance(o, Phase.PREWARMING, Reason.RAISING_REPLICAS)
    return Wait(min(o.until(o.spec.prewarm_at), 60.0), Reason.SCHEDULED)


def _rehearsing(o: SaleObservation) -> Action:
    if (step := rehearsal.step(o)) is not None:
        return step
    if o.now >= o.spec.prewarm_at:
        return advance(o, Phase.PREWARMING, Reason.RAISING_REPLICAS)
    return Wait(min(o.until(o.spec.prewarm_at), 60.0), Reason.SCHEDULED)


def _prewarming(o: SaleObservation) -> Action:
    if (step := hold_capacity(o)) is not None:
        return step
    if o.short:
        return Wait(SOON, Reason.RAISING_REPLICAS, "ready: " + ", ".join(o.short))
    if o.now < o.spec.opens_at:
        return Wait(min(o.until(o.spec.opens_at), QUEUE_REFRESH), Reason.WAITING_FOR_QUEUE)
    return enter(o, "QUEUEING") or advance(o, Phase.QUEUEING, Reason.QUEUE_OPEN)


def _queueing(o: SaleObservation) -> Action:
    if (step := hold_capacity(o)) is not None:
        return step
    if o.now < o.spec.window.start:
        return Wait(min(o.until(o.spec.window.start), QUEUE_REFRESH), Reason.QUEUE_OPEN)
    if o.short:
        return Wait(SOON, Reason.RAISING_REPLICAS, "ready: " + ", ".join(o.short))
    if o.spec.paused:
        return Wait(QUEUE_REFRESH, Reason.PAUSED_BY_SPEC)
    late = round((o.now - o.spec.window.start) / timedelta(seconds=1))
    message = f"the doors opened {late} s after window.start" if late else ""
    return enter(o, "LIVE") or advance(o, Phase.LIVE, Reason.SALE_OPEN, message, started_at=o.now, late_seconds=late)


def _live(o: SaleObservation) -> Action:
    if o.spec.paused:
        return enter(o, "PAUSED") or advance(o, Phase.PAUSED, Reason.PAUSED_BY_SPEC)
    if o.status.paused_until is not None:
        return enter(o, "PAUSED") or advance(o, Phase.PAUSED, Reason.PAUSED_BY_BREACH)
    return enter(o, "LIVE") or _on_breach(o) or keep_capacity(o) or _admission(o) or _watch(o)


def _watch(o: SaleObservation) -> Wait:
    if throttled(o):
        return Wait(LIVE_REFRESH, Reason.THROTTLED)
    nothing_free = o.sale is not None and o.sale.stock.free == 0
    return Wait(LIVE_REFRESH, Reason.SOLD_OUT if nothing_free else Reason.SALE_OPEN)


def _on_breach(o: SaleObservation) -> Action | None:
    """A decision is written down before it is acted on, for the measurement is gone after a kill."""
    if o.spec.slo is None or o.slo.verdict is not Verdict.FAIL:
        return None
    if o.spec.on_breach is OnBreach.PAUSE:
        return Record(o.status.changed(paused_until=o.now + o.spec.slo.window))
    if o.spec.on_breach is OnBreach.ABORT:
        return Record(o.status.changed(abort_reason=str(Reason.ABORTED_BY_BREACH)))
    return None


def _admission(o: SaleObservation) -> SetAdmission | None:
    pending = next_admission(o)
    given = o.status.admission
    if given is not None and pending == (given.max_active, given.rate_per_second):
        return None
    return SetAdmission(*pending)


def _paused(o: SaleObservation) -> Action:
    if o.spec.paused:
        return enter(o, "PAUSED") or Wait(QUEUE_REFRESH, Reason.PAUSED_BY_SPEC)
    if o.status.paused_until is not None and o.now < o.status.paused_until:
        return enter(o, "PAUSED") or Wait(min(o.until(o.status.paused_until), QUEUE_REFRESH), Reason.PAUSED_BY_BREACH)
    return enter(o, "LIVE") or advance(o, Phase.LIVE, Reason.RESUMED, paused_until=None)


_BY_PHASE: Mapping[Phase, Callable[[SaleObservation], Action]] = {
    Phase.PENDING: _pending,
    Phase.REHEARSING: _rehearsing,
    Phase.PREWARMING: _prewarming,
    Phase.QUEUEING: _queueing,
    Phase.LIVE: _live,
    Phase.PAUSED: _paused,
    Phase.DRAINING: draining,
}
