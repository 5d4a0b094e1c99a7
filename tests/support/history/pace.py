"""How soon a sale went on after a fault: claims and confirmations, in seconds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from support.history.record import History
from support.history.rows import Rows


@dataclass(frozen=True, slots=True)
class Pace:
    """``claims``: the longest stretch in which units were free and none was claimed, from the end of the fault until
    the next one struck or the sale closed.

    ``confirmations``: how long after its authorisation, or after the end of the fault when that is later, the slowest
    paid order was confirmed.
    """

    claims: float
    confirmations: float

    @property
    def seconds_until_selling_again(self) -> float:
        return max(self.claims, self.confirmations)

    def is_within(self, limit: Pace) -> bool:
        return self.claims <= limit.claims and self.confirmations <= limit.confirmations

    def __str__(self) -> str:
        return f"claimed again after {self.claims:.1f} s, confirmed after {self.confirmations:.1f} s"


def pace_after(history: History, rows: Rows, *, since: float, until: float, next_fault: float = float("inf")) -> Pace:
    """``since`` is the end of the fault, ``until`` the end of the sale's window; seconds since 1970.

    An order paid after the fault that the next one overtook waited until that one struck; the rest is its account.
    """
    claims = [hold.completed for hold in history.holds.values() if hold.completed is not None]
    paid = history.authorized
    confirmed = {order.id: order.confirmed_at for order in rows.orders if order.id in paid}
    # An order that was never confirmed is lost, and another rule's; an early one was not late.
    late = [
        (at if paid[order] <= since else min(at, next_fault)) - max(paid[order], since)
        for order, at in confirmed.items()
        if at is not None
    ]
    end = min(until, next_fault)
    pauses = [longest_pause(claims, max(since, began), min(end, ended)) for began, ended in rows.free_spans]
    return Pace(claims=max([0.0, *pauses]), confirmations=max([0.0, *late]))


def longest_pause(moments: Iterable[float], since: float, until: float) -> float:
    """The longest part of [since, until] without a moment in it; 0 for an empty interval."""
    if until <= since:
        return 0.0
    inside = sorted(moment for moment in moments if since < moment < until)
    return max(later - earlier for earlier, later in pairwise([since, *inside, until]))


def longest_not_ready(history: History) -> float:
    """For how many seconds a holder of units was told, time after time, that the order is not ready to be paid.

    From the first such answer to the last one of a row: what is answered in between, that a service is away for one,
    ends the row.
    """
    told: dict[str, float] = {}
    longest = 0.0
    for intent in history.of("intent"):
        if intent.code != "order_not_ready" or intent.completed is None:
            told.pop(intent.key, None)
            continue
        longest = max(longest, intent.completed - told.setdefault(intent.key, intent.completed))
    return longest
