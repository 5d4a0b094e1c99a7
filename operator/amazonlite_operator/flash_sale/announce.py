"""Which Events a status tells: the last phase changes, what stalls it, admission changes, the rehearsal's outcome."""

from __future__ import annotations

from amazonlite_operator.flash_sale.observed import Observed
from amazonlite_operator.flash_sale.phases import TERMINAL
from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.flash_sale.state import FlashSaleStatus
from amazonlite_operator.kube.events import Happening

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
        *_stalled(status),
        *_deletion(o, status),
        *_paid_orders(o, status),
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


def _stalled(status: FlashSaleStatus) -> list[Happening]:
    return [
        Happening(
            key=f"stalled-{condition.reason}-{condition.observed_generation}",
            action="Stall",
            reason=condition.reason,
            message=condition.message,
            at=condition.last_transition_time,
            warning=True,
        )
        for condition in status.conditions
        if condition.type == "Stalled" and condition.status == "True"
    ]


def _deletion(o: Observed, status: FlashSaleStatus) -> list[Happening]:
    """Once a deletion, whose generation is its own."""
    return [
        Happening(
            key=f"deletion-{condition.reason}-{condition.observed_generation}",
            action="Delete",
            reason=condition.reason,
            message=condition.message,
            at=o.now,
            warning=True,
        )
        for condition in status.conditions
        if o.deleting and condition.type == "Ready" and condition.reason == Reason.PAYMENTS_UNAVAILABLE
    ]


def _paid_orders(o: Observed, status: FlashSaleStatus) -> list[Happening]:
    """Once for each number; after the sale's end nothing of it is news."""
    if status.books is None or not status.books.paid_orders_lost or status.phase in TERMINAL:
        return []
    reason, lost = Reason.PAID_ORDERS_LOST, status.books.paid_orders_lost
    return [
        Happening(
            key=f"paid-orders-lost-{lost}",
            action="WatchPayments",
            reason=reason,
            message=f"{lost} lost. {reason.explanation}",
            at=o.now,
            warning=True,
        )
    ]


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
