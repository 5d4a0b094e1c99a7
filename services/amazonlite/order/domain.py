"""An order is decided once: every state change is a row of TRANSITIONS, and a state without rows is final."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

from amazonlite.common.core.errors import Conflict, InvalidInput
from amazonlite.common.core.money import Money
from amazonlite.common.core.viewer import Viewer


class OrderState(StrEnum):
    """Where an order stands."""

    PENDING = "PENDING"
    RESERVED = "RESERVED"
    AUTHORIZED = "AUTHORIZED"
    CONFIRMED = "CONFIRMED"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"


class Trigger(StrEnum):
    """What can happen to an order."""

    RESERVE = "reserve"
    REJECT = "reject"
    AUTHORIZE = "authorize"
    CONFIRM = "confirm"
    COMPLETE = "complete"
    CANCEL = "cancel"
    FAIL_PAYMENT = "fail payment"
    REFUSE_CONFIRMATION = "refuse confirmation"
    REFUSE_CAPTURE = "refuse capture"
    TIME_OUT = "time out"


S, T = OrderState, Trigger
TRANSITIONS: Mapping[tuple[OrderState, Trigger], OrderState] = MappingProxyType(
    {
        (S.PENDING, T.RESERVE): S.RESERVED,
        (S.PENDING, T.REJECT): S.REJECTED,
        (S.PENDING, T.CANCEL): S.CANCELLED,
        (S.PENDING, T.TIME_OUT): S.TIMED_OUT,
        (S.RESERVED, T.AUTHORIZE): S.AUTHORIZED,
        (S.RESERVED, T.CONFIRM): S.CONFIRMED,
        (S.RESERVED, T.REFUSE_CONFIRMATION): S.CANCELLED,
        (S.RESERVED, T.FAIL_PAYMENT): S.CANCELLED,
        (S.RESERVED, T.CANCEL): S.CANCELLED,
        (S.RESERVED, T.TIME_OUT): S.TIMED_OUT,
        (S.AUTHORIZED, T.CONFIRM): S.CONFIRMED,
        (S.AUTHORIZED, T.REFUSE_CONFIRMATION): S.CANCELLED,
        (S.CONFIRMED, T.COMPLETE): S.COMPLETED,
        (S.RESERVED, T.REFUSE_CAPTURE): S.CANCELLED,
        (S.AUTHORIZED, T.REFUSE_CAPTURE): S.CANCELLED,
        (S.CONFIRMED, T.REFUSE_CAPTURE): S.CANCELLED,
    }
)
OPEN_STATES = frozenset(state for state, trigger in TRANSITIONS if trigger is T.TIME_OUT)
PAID_STATES = frozenset({S.AUTHORIZED, S.CONFIRMED, S.COMPLETED})
MAX_LINES = 50
MAX_QUANTITY = 100


class IllegalTransition(Conflict):
    """The table has no such row; the caller reads the order again and answers with what was decided."""

    code: ClassVar[str] = "illegal_transition"
    title: ClassVar[str] = "The order's state does not allow this"


class DuplicateSku(InvalidInput):
    """Two lines name one product; the caller adds the quantities up."""

    code: ClassVar[str] = "duplicate_sku"
    title: ClassVar[str] = "A product stands on two lines"


@dataclass(frozen=True, slots=True)
class Line:
    """A quantity of one product at the price it had when the order was made."""

    sku: str
    quantity: int
    unit_price: Money


@dataclass(frozen=True, slots=True)
class Order:
    """A snapshot of one order. ``version`` counts its timeline's entries."""

    order_id: str
    customer_id: str
    state: OrderState
    lines: tuple[Line, ...]
    total: Money
    pay_before: datetime
    created_at: datetime
    version: int = 1
    sale_id: str | None = None
    reservation_id: str | None = None
    payment_id: str | None = None
    reason: str = ""

    @property
    def units(self) -> int:
        return sum(line.quantity for line in self.lines)

    def allows(self, trigger: Trigger, changes: Changes | None = None) -> bool:
        """A confirmation counts only for an order whose payment is known by then."""
        paid = self.payment_id or (changes and changes.payment_id)
        return (self.state, trigger) in TRANSITIONS and (trigger is not Trigger.CONFIRM or bool(paid))

    def visible_to(self, viewer: Viewer) -> bool:
        return viewer.internal or viewer.subject == self.customer_id

    def after(self, trigger: Trigger, changes: Changes) -> Order:
        """The order after ``trigger``. Raises IllegalTransition when the table has no such row."""
        target = TRANSITIONS.get((self.state, trigger))
        if target is None:
            raise IllegalTransition(f"An order that is {self.state} cannot {trigger}.", state=self.state)
        return replace(
            self,
            state=target,
            version=self.version + 1,
            reason=changes.reason or self.reason,
            payment_id=changes.payment_id or self.payment_id,
            reservation_id=changes.reservation_id or self.reservation_id,
            pay_before=min(self.pay_before, changes.pay_before or self.pay_before),
        )


@dataclass(frozen=True, slots=True)
class Changes:
    """What a trigger brings along. A reservation can only shorten the time to pay."""

    reason: str = ""
    payment_id: str | None = None
    reservation_id: str | None = None
    pay_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a timeline has an entry: a command's or an event's name, and the event's id (empty for commands)."""

    name: str
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened; ``applied`` is False when it came too late to change anything."""

    seq: int
    state: OrderState | None
    applied: bool
    at: datetime
    cause: Cause
    reason: str = ""


def total_of(lines: Sequence[Line]) -> Money:
    """The exact sum; Money refuses to add different currencies."""
    first, *rest = (line.unit_price * line.quantity for line in lines)
    return sum(rest, start=first)


def refuse_duplicates(skus: Sequence[str]) -> None:
    doubled = sorted({sku for sku in skus if skus.count(sku) > 1})
    if doubled:
        raise DuplicateSku(f"More than one line for {', '.join(doubled)}.", next_step="Add the quantities up.")
