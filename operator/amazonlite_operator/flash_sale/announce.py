"""Which Events a status tells: the last phase changes, what stalls it, admission changes, the rehearsal's outcome."""

from __future__ import annotations

from datetime import datetime

from amazonlite_operator.flash_sale.observed import Observed
from amazonlite_operator.flash_sale.phases import TERMINAL
from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.flash_sale.state import FlashSaleStatus
from amazonlite_operator.kube.events import Happening
from amazonlite_operator.kube.schema import Condition

LATEST = 3

_WARNINGS = frozenset(
    {
        Reason.ABORTED_BY_BREACH,
        Reason.PAUSED_BY_BREACH,
        Reason.WINDOW_MISSED,
        Reason.RECONCILIATION_MISMATCH,
        Reason.STOCK_NOT_CONSERVED,
        Reason.REHEARSAL_FAILED,
        Reason.REHEARSAL_CUT_SHORT,
        Reason.PAID_ORDERS_LOST,
    }
)


def happenings(o: Observed, status: FlashSaleStatus) -> list[Happening]:
    """All that is worth an Event now; those told before are dropped by their keys."""
    return [
        *_phase(status),
        *_warnings(o, status),
        *_admission(o, status),
        *_rehearsal(status),
    ]


def _phase(status: FlashSaleStatus) -> list[Happening]:
    """The last phase changes: a kill between the status and its Event must not lose the Event."""
    return [
        Happening(
            key=f"phase-{status.transitions - ago}",
            action=f"Enter{step.phase}",
            reason=step.reason,
            message=f"{step.phase}: {step.message}",
            at=step.at,
            warning=step.reason in _WARNINGS,
        )
        for ago, step in reversed(list(enumerate(reversed(status.timeline[-LATEST:]))))
    ]


def _warnings(o: Observed, status: FlashSaleStatus) -> list[Happening]:
    """Stalls and deletions that wait, once a generation; losses, once a number and none after the sale's end."""
    told = []
    for condition in status.conditions:
        generation = f"{condition.reason}-{condition.observed_generation}"
        match condition.type, condition.status, condition.reason:
            case "Stalled", "True", _:
                told.append(_warning(condition, "Stall", f"stalled-{generation}", condition.last_transition_time))
            case "Ready", _, Reason.PAYMENTS_UNAVAILABLE if o.deleting:
                told.append(_warning(condition, "Delete", f"deletion-{generation}", o.now))
            case "PaidOrdersKept", "False", _ if status.books is not None and status.phase not in TERMINAL:
                key = f"paid-orders-lost-{status.books.paid_orders_lost}"
                told.append(_warning(condition, "WatchPayments", key, o.now))
    return told


def _warning(condition: Condition, action: str, key: str, at: datetime) -> Happening:
    return Happening(key=key, action=action, reason=condition.reason, message=condition.message, at=at, warning=True)


def _admission(o: Observed, status: FlashSaleStatus) -> list[Happening]:
    given, before = status.admission, o.status.admission
    if given is None or before is None or given.sequence == before.sequence:
        return []
    slower = given.rate_per_second < before.rate_per_second
    return [
        Happening(
            key=f"admission-{given.sequence}",
            action="SetAdmission",
            reason=Reason.THROTTLED if slower else Reason.THROTTLE_EASED,
            message=f"{given.rate_per_second} a second, {given.max_active} at once",
            at=given.changed_at,
            warning=slower,
        )
    ]


def _rehearsal(status: FlashSaleStatus) -> list[Happening]:
    result = status.rehearsal
    if result is None or not result.reason:
        return []
    return [
        Happening(
            key=f"rehearsal-{result.reason}",
            action="Rehearse",
            reason=result.reason,
            message=f"{result.message} {result.claimed} of {result.customers} claimed, {result.errors} errors",
            at=result.deadline if result.reason == Reason.REHEARSAL_CUT_SHORT else result.started_at,
            warning=result.reason in _WARNINGS,
        )
    ]
