"""An order's money is held once, and taken or given back once: every state change is a row of TRANSITIONS.

A customer may try several methods, one after the other. Each attempt has a charge of its own at the provider, and the
next one begins only once the provider declined the one before: at most one charge of an order ever holds money for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

from amazonlite.common.core.errors import Conflict
from amazonlite.common.core.money import Money
from amazonlite.common.core.viewer import Viewer


class PaymentState(StrEnum):
    """Where a payment stands."""

    REQUIRES_CONFIRMATION = "REQUIRES_CONFIRMATION"
    PROCESSING = "PROCESSING"
    AUTHORIZED = "AUTHORIZED"
    CAPTURED = "CAPTURED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    VOIDED = "VOIDED"


class Trigger(StrEnum):
    """What can happen to a payment."""

    CONFIRM = "confirm"
    AUTHORIZE = "authorize"
    DECLINE = "decline"
    FAIL = "fail"
    CAPTURE = "capture"
    CANCEL = "cancel"
    VOID = "void"


class Wanted(StrEnum):
    """What the order decided and the provider has yet to be told."""

    CAPTURE = "CAPTURE"
    VOID = "VOID"


class Method(StrEnum):
    """The payment methods the shop offers; the simulated provider behaves as their names say."""

    OK = "pm_ok"
    DECLINED = "pm_declined"
    ASYNC_OK = "pm_async_ok"
    ASYNC_DECLINED = "pm_async_declined"
    TIMEOUT = "pm_timeout"
    CAPTURE_REFUSED = "pm_capture_refused"
    CAPTURE_DECLINED = "pm_capture_declined"
    EXPIRES = "pm_expires"


CUSTOMER_CANCELLED, CAPTURE_REFUSED = "customer_cancelled", "capture_refused"
"""The two reasons for which an authorised payment may end without the goods: the customer's own, and the provider's."""

MOST_ATTEMPTS = 5
"""Declined attempts after which an order's payment has failed: whoever tries stolen cards gets no more of them."""

S, T = PaymentState, Trigger
TRANSITIONS: Mapping[tuple[PaymentState, Trigger], PaymentState] = MappingProxyType(
    {
        (S.REQUIRES_CONFIRMATION, T.CONFIRM): S.PROCESSING,
        (S.REQUIRES_CONFIRMATION, T.CANCEL): S.CANCELLED,
        (S.PROCESSING, T.AUTHORIZE): S.AUTHORIZED,
        (S.PROCESSING, T.DECLINE): S.REQUIRES_CONFIRMATION,
        (S.PROCESSING, T.FAIL): S.FAILED,
        (S.PROCESSING, T.CANCEL): S.CANCELLED,
        (S.AUTHORIZED, T.CAPTURE): S.CAPTURED,
        (S.AUTHORIZED, T.VOID): S.VOIDED,
    }
)


class ChargeState(StrEnum):
    """Where a charge stands at the provider; it let an EXPIRED one go because nobody took its money in time."""

    PENDING = "PENDING"
    AUTHORIZED = "AUTHORIZED"
    DECLINED = "DECLINED"
    CAPTURED = "CAPTURED"
    VOIDED = "VOIDED"
    EXPIRED = "EXPIRED"


HOLDING = frozenset({ChargeState.PENDING, ChargeState.AUTHORIZED})
"""The provider holds money for such a charge, or may in a moment."""

ANSWERS: Mapping[tuple[PaymentState, ChargeState], Trigger] = MappingProxyType(
    {
        (S.PROCESSING, ChargeState.AUTHORIZED): T.AUTHORIZE,
        (S.PROCESSING, ChargeState.DECLINED): T.DECLINE,
        (S.PROCESSING, ChargeState.EXPIRED): T.DECLINE,
        (S.PROCESSING, ChargeState.VOIDED): T.CANCEL,
        (S.AUTHORIZED, ChargeState.CAPTURED): T.CAPTURE,
        (S.AUTHORIZED, ChargeState.DECLINED): T.VOID,
        (S.AUTHORIZED, ChargeState.EXPIRED): T.VOID,
        (S.AUTHORIZED, ChargeState.VOIDED): T.VOID,
    }
)


class IllegalTransition(Conflict):
    """The table has no such row; the caller reads the payment again and answers with what was decided."""

    code: ClassVar[str] = "illegal_transition"
    title: ClassVar[str] = "The payment's state does not allow this"


def charge_key(payment_id: str, attempt: int) -> str:
    """Names the charge of an attempt (1, 2, ...) at the provider, and is its idempotency key there."""
    return payment_id if attempt == 1 else f"{payment_id}.{attempt}"


def payment_of(key: str) -> str:
    """The id of the payment that a charge belongs to."""
    return key.partition(".")[0]


@dataclass(frozen=True, slots=True)
class DeclinedAttempt:
    """``confirm_key`` is of the command that made it. ``stray``: its charge holds money all the same, to be voided."""

    confirm_key: str
    method: Method
    stray: bool = False


@dataclass(frozen=True, slots=True)
class Payment:
    """A snapshot of one payment intent. ``method`` and ``confirm_key`` are of its latest attempt."""

    payment_id: str
    order_id: str
    customer_id: str
    state: PaymentState
    amount: Money
    pay_before: datetime
    created_at: datetime
    sale_id: str | None = None
    method: Method | None = None
    confirm_key: str = ""
    reason: str = ""
    wanted: Wanted | None = None
    declined: tuple[DeclinedAttempt, ...] = ()

    @property
    def charge_key(self) -> str:
        """Of the attempt that is under way, or that comes next."""
        return charge_key(self.payment_id, len(self.declined) + 1)

    @property
    def attempts_left(self) -> int:
        return MOST_ATTEMPTS - len(self.declined) if self.state is S.REQUIRES_CONFIRMATION else 0

    @property
    def retriable(self) -> bool:
        """The latest attempt was declined, and another may follow."""
        return self.state is S.REQUIRES_CONFIRMATION and bool(self.declined)

    @property
    def stray_keys(self) -> list[str]:
        """The charges of declined attempts that hold money all the same."""
        return [charge_key(self.payment_id, number) for number, one in enumerate(self.declined, 1) if one.stray]

    @property
    def open_charges(self) -> frozenset[str]:
        """Those that the provider is to take, or give back, the money of."""
        return frozenset([*self.stray_keys, *([self.charge_key] if self.wanted is not None else [])])

    def declined_by(self, confirm_key: str) -> DeclinedAttempt | None:
        return next((one for one in self.declined if one.confirm_key == confirm_key), None)

    def allows(self, trigger: Trigger) -> bool:
        return (self.state, trigger) in TRANSITIONS

    def visible_to(self, viewer: Viewer) -> bool:
        return viewer.internal or viewer.subject == self.customer_id

    def after(self, trigger: Trigger, *, reason: str = "") -> Payment:
        """The payment after ``trigger``. Raises IllegalTransition when the table has no such row."""
        target = TRANSITIONS.get((self.state, trigger))
        if target is None:
            raise IllegalTransition(f"A payment that is {self.state} cannot {trigger}.", state=self.state)
        return replace(self, state=target, reason=reason or self.reason)

    def confirmed(self, method: Method, key: str) -> Payment:
        """Recorded before the provider is called, so that a crash leaves a trace to follow."""
        return replace(self.after(T.CONFIRM), method=method, confirm_key=key, reason="")

    def heard(self, key: str, charge: ChargeState, reason: str = "") -> Payment:
        """What the provider's word about any charge makes of the payment. Only the attempt under way can move it."""
        if key == self.charge_key:
            return self.answered(charge, reason)
        return self._heard_late(key, charge)

    def to_be_asked_about(self, key: str, charge: ChargeState) -> bool:
        """Whether the provider itself is to be asked first: the word would take back what a customer was told is paid,
        or leave money where it is that is still to be taken or given back.
        """
        heard = self.heard(key, charge)
        return (self.binding and not heard.binding) or not self.open_charges <= heard.open_charges

    def _heard_late(self, key: str, charge: ChargeState) -> Payment:
        """An attempt once declined stays so: money that its charge holds all the same goes back."""
        declined = tuple(
            replace(one, stray=charge in HOLDING) if charge_key(self.payment_id, number) == key else one
            for number, one in enumerate(self.declined, 1)
        )
        return replace(self, declined=declined)

    def answered(self, charge: ChargeState, reason: str = "") -> Payment:
        """What the provider's answer makes of the payment; one that changes nothing is an answer heard before."""
        if self.state is S.PROCESSING and self.wanted is Wanted.VOID:
            return self.sealed(self.reason)._closed_answer(charge)
        if self.state is S.CANCELLED:
            return self._closed_answer(charge)
        trigger = ANSWERS.get((self.state, charge))
        if trigger is None:
            return self
        if trigger is T.DECLINE:
            return self._declined(reason or charge.lower())
        moved = self.after(trigger, reason=self._reason_of(trigger))
        return moved if trigger is T.AUTHORIZE else replace(moved, wanted=None)

    def _declined(self, reason: str) -> Payment:
        """Another attempt may follow until the time to pay is over, or this was the last."""
        attempt = DeclinedAttempt(self.confirm_key, self.method or Method.OK)
        last = len(self.declined) + 1 >= MOST_ATTEMPTS
        moved = self.after(T.FAIL if last else T.DECLINE, reason=reason)
        return replace(moved, wanted=None, declined=(*self.declined, attempt))

    def _closed_answer(self, charge: ChargeState) -> Payment:
        """Money that the provider holds, or may hold in a moment, for a payment that is over is given back."""
        return replace(self, wanted=Wanted.VOID if charge in HOLDING else None)

    def _reason_of(self, trigger: Trigger) -> str:
        """Money that was held and that nobody asked to give back is the provider's refusal; else the order says why."""
        refused = trigger is T.VOID and self.wanted is not Wanted.VOID
        return CAPTURE_REFUSED if refused else ""

    @property
    def binding(self) -> bool:
        """The customer was told that the order is paid, and it still is: the order keeps its goods."""
        return self.state is S.CAPTURED or (self.state is S.AUTHORIZED and self.wanted is not Wanted.VOID)

    @property
    def lost(self) -> bool:
        """The customer was told that the order is paid, and it was closed all the same, not at the customer's wish."""
        closed = self.state in {S.VOIDED, S.CAPTURED} or (self.state is S.AUTHORIZED and self.wanted is Wanted.VOID)
        return closed and self.reason not in {"", CUSTOMER_CANCELLED, CAPTURE_REFUSED}

    def order_confirmed(self) -> Payment:
        """The order stands: money that is held is to be taken. A decision made before stays."""
        if self.state is S.AUTHORIZED and self.wanted is None:
            return replace(self, wanted=Wanted.CAPTURE)
        return self

    def sealed(self, reason: str) -> Payment:
        """Closed to any later authorisation, unless it is authorised already.

        A provider call under way is not waited for: whatever it answers, the payment is over and the money goes back.
        """
        if self.state is S.REQUIRES_CONFIRMATION:
            return self.after(T.CANCEL, reason=reason)
        if self.state is S.PROCESSING:
            return replace(self.after(T.CANCEL, reason=reason), wanted=Wanted.VOID)
        return self

    def order_closed(self, reason: str) -> Payment:
        """The order fell through: nothing may stay held. Money taken already is not hidden: see ``lost``."""
        if self.state is S.AUTHORIZED and self.wanted is None:
            return replace(self, wanted=Wanted.VOID, reason=reason)
        if self.state is S.CAPTURED:
            return replace(self, reason=reason)
        return self.sealed(reason)
