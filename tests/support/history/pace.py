"""How soon a sale went on after a fault: claims and confirmations, in seconds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from support.history.record import History
from support.history.rows import Rows


@dataclass(frozen=True, slots=True)
class Pace:
    """``claims``: the longest stretch without an acknowledged claim, from the end of the fault until no unit was free
    or the next fault struck.

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
    """``since`` is the end of the fault, ``until`` the last moment at which units were free; seconds since 1970.

    Of the orders paid after the fault, those that the next one overtook are judged with that one.
    """
    claims = [hold.completed for hold in history.holds.values() if hold.completed is not None]
    paid = history.authorized
    confirmed = {order.id: order.confirmed_at for order in rows.orders if order.id in paid}
    # An order that was never confirmed is lost, and another rule's; an early one was not late.
    late = [
        at - max(paid[order], since)
        for order, at in confirmed.items()
        if at is not None and (paid[order] <= since or at < next_fault)
    ]
    return Pace(claims=longest_pause(claims, since, min(until, next_fault)), confirmations=max([0.0, *late]))


def longest_pause(moments: Iterable[float], since: float, until: float) -> float:
    """The longest part of [since, until] without a moment in it; 0 for an empty interval."""
    if until <= since:
        return 0.0
    inside = sorted(moment for moment in moments if since < moment < until)
    return max(later - earlier for earlier, later in pairwise([since, *inside, until]))


def longest_not_ready(history: History) -> float:
    """For how many seconds the most patient holder of units was told that the order is not ready to be paid."""
    asked: dict[str, float] = {}
    longest = 0.0
    for intent in history.of("intent"):
        first = asked.setdefault(intent.key, intent.invoked)
        if intent.code == "order_not_ready" and intent.completed is not None:
            longest = max(longest, intent.completed - first)
    return longest
