"""From what is observed to the one next action. Pure: the same look gives the same action, whoever looks.

Only the phase is read from the status; everything else is looked at afresh, so a killed operator goes on by looking.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from amazonlite_operator.flash_sale import rehearsal
from amazonlite_operator.flash_sale.actions import (
    Action,
    AddFinalizer,
    Allocate,
    DeleteSale,
    Record,
    RemoveFinalizer,
    RestoreFloors,
    SetAdmission,
    Wait,
)
from amazonlite_operator.flash_sale.admission import next_admission, throttled
from amazonlite_operator.flash_sale.capacity import hold_capacity, keep_capacity, not_found
from amazonlite_operator.flash_sale.drain import draining
from amazonlite_operator.flash_sale.moves import (
    SOON,
    STALLED_FOR,
    advance,
    clear_sale,
    cluster_refuses,
    enter,
    inventory_away,
    stop_claims,
)
from amazonlite_operator.flash_sale.observed import Observed
from amazonlite_operator.flash_sale.phases import TERMINAL, Phase
from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.flash_sale.spec import OnBreach
from amazonlite_operator.flash_sale.state import Verdict

QUEUE_REFRESH, LIVE_REFRESH = 5.0, 2.0


def next_action(o: Observed) -> Action:
    action = _next(o)
    if o.cluster_refusal and isinstance(action, Wait) and action.seconds is not None:
        return cluster_refuses(o.cluster_refusal, action.seconds)
    return action


def _next(o: Observed) -> Action:
    if o.deleting:
        return _release(o)
    if o.status.phase in TERMINAL:
        return _let_go(o) if o.has_finalizer else Wait(None, _final_reason(o))
    if o.invalid is not None:
        wait = Wait(STALLED_FOR, o.invalid.reason, o.invalid.message, stalled=True)
        return stop_claims(o, wait) if o.abort_requested else wait
    if not o.has_finalizer:
        return AddFinalizer()
    return _over(o) or _STEPS[o.status.phase](o)


def _final_reason(o: Observed) -> Reason:
    return Reason.of(o.status.timeline[-1].reason)


def _let_go(o: Observed) -> Action:
    """The outcome stays what is told while inventory is away: only the finalizer waits for it."""
    if not o.inventory_up:
        return Wait(SOON, _final_reason(o))
    return clear_sale(o) or RemoveFinalizer()


def _over(o: Observed) -> Action | None:
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


def _sold_out(o: Observed) -> bool:
    return o.sale is not None and o.sale.stock.free == o.sale.stock.held == 0


def _pending(o: Observed) -> Action:
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


def _rehearsing(o: Observed) -> Action:
    if (step := rehearsal.step(o)) is not None:
        return step
    if o.now >= o.spec.prewarm_at:
        return advance(o, Phase.PREWARMING, Reason.RAISING_REPLICAS)
    return Wait(min(o.until(o.spec.prewarm_at), 60.0), Reason.SCHEDULED)


def _prewarming(o: Observed) -> Action:
    if (step := hold_capacity(o)) is not None:
        return step
    if o.short:
        return Wait(SOON, Reason.RAISING_REPLICAS, "ready: " + ", ".join(o.short))
    if o.now < o.spec.opens_at:
        return Wait(min(o.until(o.spec.opens_at), QUEUE_REFRESH), Reason.WAITING_FOR_QUEUE)
    return enter(o, "QUEUEING") or advance(o, Phase.QUEUEING, Reason.QUEUE_OPEN)


def _queueing(o: Observed) -> Action:
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


def _live(o: Observed) -> Action:
    if o.spec.paused:
        return enter(o, "PAUSED") or advance(o, Phase.PAUSED, Reason.PAUSED_BY_SPEC)
    if o.status.paused_until is not None:
        return enter(o, "PAUSED") or advance(o, Phase.PAUSED, Reason.PAUSED_BY_BREACH)
    return enter(o, "LIVE") or _on_breach(o) or keep_capacity(o) or _admission(o) or _watch(o)


def _watch(o: Observed) -> Wait:
    if throttled(o):
        return Wait(LIVE_REFRESH, Reason.THROTTLED)
    nothing_free = o.sale is not None and o.sale.stock.free == 0
    return Wait(LIVE_REFRESH, Reason.SOLD_OUT if nothing_free else Reason.SALE_OPEN)


def _on_breach(o: Observed) -> Action | None:
    """A decision is written down before it is acted on, for the measurement is gone after a kill."""
    if o.spec.slo is None or o.slo.verdict is not Verdict.FAIL:
        return None
    if o.spec.on_breach is OnBreach.PAUSE:
        return Record(o.status.changed(paused_until=o.now + o.spec.slo.window))
    if o.spec.on_breach is OnBreach.ABORT:
        return Record(o.status.changed(abort_reason=str(Reason.ABORTED_BY_BREACH)))
    return None


def _admission(o: Observed) -> SetAdmission | None:
    wanted = next_admission(o)
    given = o.status.admission
    if given is not None and wanted == (given.max_active, given.rate_per_second):
        return None
    return SetAdmission(*wanted)


def _paused(o: Observed) -> Action:
    if o.spec.paused:
        return enter(o, "PAUSED") or Wait(QUEUE_REFRESH, Reason.PAUSED_BY_SPEC)
    if o.status.paused_until is not None and o.now < o.status.paused_until:
        return enter(o, "PAUSED") or Wait(min(o.until(o.status.paused_until), QUEUE_REFRESH), Reason.PAUSED_BY_BREACH)
    return enter(o, "LIVE") or advance(o, Phase.LIVE, Reason.RESUMED, paused_until=None)


def _release(o: Observed) -> Action:
    """Give back all that is held, in the order of its cost to others; the finalizer goes last."""
    if not o.has_finalizer:
        return Wait(None, Reason.DELETING)
    if o.sale is not None and not o.sale.over and o.sale.state != "ABORTED":
        return DeleteSale()
    if (step := rehearsal.clean_up(o)) is not None:
        return step
    if o.status.floors:
        return RestoreFloors()
    return clear_sale(o) or RemoveFinalizer()


_STEPS: Mapping[Phase, Callable[[Observed], Action]] = {
    Phase.PENDING: _pending,
    Phase.REHEARSING: _rehearsing,
    Phase.PREWARMING: _prewarming,
    Phase.QUEUEING: _queueing,
    Phase.LIVE: _live,
    Phase.PAUSED: _paused,
    Phase.DRAINING: draining,
}
