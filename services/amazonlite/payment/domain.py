"""An order's money is held once, and taken or given back once: every state change is a row of TRANSITIONS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

from amazonlite.common.core.errors import Conflict
from amazonlite.common.core.money import Money


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


CUSTOMER_CANCELLED, CAPTURE_REFUSED = "customer_cancelled", "capture_refused"
"""The two reasons for which an authorised payment may end without the goods: the customer's own, and the provider's."""

S, T = PaymentState, Trigger
TRANSITIONS: Mapping[tuple[PaymentState, Trigger], PaymentState] = MappingProxyType(
    {
        (S.REQUIRES_CONFIRMATION, T.CONFIRM): S.PROCESSING,
        (S.REQUIRES_CONFIRMATION, T.CANCEL): S.CANCELLED,
        (S.PROCESSING, T.AUTHORIZE): S.AUTHORIZED,
        (S.PROCESSING, T.FAIL): S.FAILED,
        (S.PROCESSING, T.CANCEL): S.CANCELLED,
        (S.AUTHORIZED, T.CAPTURE): S.CAPTURED,
        (S.AUTHORIZED, T.VOID): S.VOIDED,
    }
)


class ChargeState(StrEnum):
    """Where a charge stands at the provider."""

    PENDING = "PENDING"
    AUTHORIZED = "AUTHORIZED"
    DECLINED = "DECLINED"
    CAPTURED = "CAPTURED"
    VOIDED = "VOIDED"


ANSWERS: Mapping[tuple[PaymentState, ChargeState], Trigger] = MappingProxyType(
    {
        (S.PROCESSING, ChargeState.AUTHORIZED): T.AUTHORIZE,
        (S.PROCESSING, ChargeState.DECLINED): T.FAIL,
        (S.PROCESSING, ChargeState.VOIDED): T.CANCEL,
        (S.AUTHORIZED, ChargeState.CAPTURED): T.CAPTURE,
        (S.AUTHORIZED, ChargeState.VOIDED): T.VOID,
    }
)


class IllegalTransition(Conflict):
    """The table has no such row; the caller reads the payment again and answers with what was decided."""

    code: ClassVar[str] = "illegal_transition"
    title: ClassVar[str] = "The payment's state does not allow this"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks: the customer, or a service of the shop (``internal``)."""

    subject: str
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Payment:
    """A snapshot of one payment intent. ``payment_id`` is also its idempotency key at the provider."""

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
        return replace(self.after(T.CONFIRM), method=method, confirm_key=key)

    def answered(self, charge: ChargeState, reason: str = "") -> Payment:
        """What the provider's answer makes of the payment; one that changes nothing is an answer heard before."""
        if self.state is S.PROCESSING and self.wanted is Wanted.VOID:
            return self.sealed(self.reason)._closed_answer(charge)
        if self.state is S.CANCELLED:
            return self._closed_answer(charge)
        trigger = ANSWERS.get((self.state, charge))
        if trigger is None:
            return self
        moved = self.after(trigger, reason=self._reason_of(trigger, reason))
        return moved if trigger is T.AUTHORIZE else replace(moved, wanted=None)

    def _closed_answer(self, charge: ChargeState) -> Payment:
        """Money that the provider holds, or may hold in a moment, for a payment that is over is given back."""
        held = charge in {ChargeState.AUTHORIZED, ChargeState.PENDING}
        return replace(self, wanted=Wanted.VOID if held else None)

    def _reason_of(self, trigger: Trigger, told: str) -> str:
        """What the provider says counts where it refuses; elsewhere the reason is the order's."""
        if trigger is T.FAIL:
            return told or "declined"
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
