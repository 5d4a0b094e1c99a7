"""Events of a sale beside those of every kind: deletions that wait, losses, admission changes, the rehearsal."""

from __future__ import annotations

from datetime import datetime

from amazonlite_operator.flash_sale.observation import SaleObservation
from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.flash_sale.status import FlashSaleStatus
from amazonlite_operator.kube.events import Event
from amazonlite_operator.kube.reasons import ExplainedReason
from amazonlite_operator.kube.schema import Condition

WARNINGS: frozenset[ExplainedReason] = frozenset(
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


def events(o: SaleObservation, status: FlashSaleStatus) -> list[Event]:
    return [*_warnings(o, status), *_admission(o, status), *_rehearsal(status)]


def _warnings(o: SaleObservation, status: FlashSaleStatus) -> list[Event]:
    """Deletions that wait, once a generation; losses, once a number and none after the sale's end."""
    found = []
    for condition in status.conditions:
        match condition.type, condition.status, condition.reason:
            case "Ready", _, Reason.PAYMENTS_UNAVAILABLE if o.deleting:
                key = f"deletion-{condition.reason}-{condition.observed_generation}"
                found.append(_warning(condition, "Delete", key, o.now))
            case "PaidOrdersKept", "False", _ if status.books is not None and not status.over:
                key = f"paid-orders-lost-{status.books.paid_orders_lost}"
                found.append(_warning(condition, "WatchPayments", key, o.now))
    return found


def _warning(condition: Condition, action: str, key: str, at: datetime) -> Event:
    return Event(key=key, action=action, reason=condition.reason, message=condition.message, at=at, warning=True)


def _admission(o: SaleObservation, status: FlashSaleStatus) -> list[Event]:
    given, before = status.admission, o.status.admission
    if given is None or before is None or given.sequence == before.sequence:
        return []
    slower = given.rate_per_second < before.rate_per_second
    return [
        Event(
            key=f"admission-{given.sequence}",
            action="SetAdmission",
            reason=Reason.THROTTLED if slower else Reason.THROTTLE_EASED,
            message=f"{given.rate_per_second} a second, {given.max_active} at once",
            at=given.changed_at,
            warning=slower,
        )
    ]


def _rehearsal(status: FlashSaleStatus) -> list[Event]:
    result = status.rehearsal
    if result is None or not result.reason:
        return []
    return [
        Event(
            key=f"rehearsal-{result.reason}",
            action="Rehearse",
            reason=result.reason,
            message=f"{result.message} {result.claimed} of {result.customers} claimed, {result.errors} errors",
            at=result.deadline if result.reason == Reason.REHEARSAL_CUT_SHORT else result.started_at,
            warning=result.reason in WARNINGS,
        )
    ]
