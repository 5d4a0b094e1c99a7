"""What the payment API takes and answers; money is an integer of minor units with its currency."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ConfigDict, Field

from amazonlite.common.core.clock import iso
from amazonlite.common.http.body import Body, MoneyView
from amazonlite.common.http.fields import Id
from amazonlite.payment.domain import ChargeState, Method, Payment, PaymentState
from amazonlite.payment.seal import MOST_ORDERS, Sealed
from amazonlite.payment.store import SalePayments


class CreateIntent(Body):
    order_id: Id


class ConfirmIntent(Body):
    method: Method


class SaleQuery(Body):
    sale_id: Id


MESSAGES: Mapping[PaymentState, str] = {
    PaymentState.REQUIRES_CONFIRMATION: "Choose a payment method and confirm.",
    PaymentState.PROCESSING: "The provider has been asked; its answer comes in a moment.",
    PaymentState.AUTHORIZED: "The money is held and the order is being confirmed.",
    PaymentState.CAPTURED: "The order is paid.",
    PaymentState.FAILED: "The provider declined too often; no money was taken.",
    PaymentState.CANCELLED: "The payment was closed before it was authorised; no money was taken.",
    PaymentState.VOIDED: "The money that was held is given back.",
}
DECLINED = (
    "The provider declined; no money was taken. Try again, or another payment method, until the time to pay is over."
)


class PaymentView(Body):
    """``message`` tells the customer what ``state`` means. After a decline ``reason`` is the provider's, and as many
    attempts as ``attempts_left`` may follow until ``pay_before``, each under an Idempotency-Key of its own.
    """

    payment_id: str
    order_id: str
    state: str
    message: str
    amount: MoneyView
    method: str | None
    reason: str
    attempts_left: int
    pay_before: str
    created_at: str

    @classmethod
    def of(cls, payment: Payment) -> PaymentView:
        return cls(
            payment_id=payment.payment_id,
            order_id=payment.order_id,
            state=payment.state,
            message=DECLINED if payment.retriable else MESSAGES[payment.state],
            amount=MoneyView.of(payment.amount),
            method=payment.method,
            reason=payment.reason,
            attempts_left=payment.attempts_left,
            pay_before=iso(payment.pay_before),
            created_at=iso(payment.created_at),
        )


class StateSumView(Body):
    count: int
    amount: MoneyView


class SaleSummary(Body):
    sale_id: str
    by_state: dict[str, StateSumView]
    paid_orders_lost: int

    @classmethod
    def of(cls, sale_id: str, books: SalePayments) -> SaleSummary:
        by_state = {
            item.state.value: StateSumView(count=item.payments, amount=MoneyView.of(item.amount))
            for item in books.by_state
        }
        return cls(sale_id=sale_id, by_state=by_state, paid_orders_lost=books.lost)


class SealOrders(Body):
    order_ids: list[Id] = Field(min_length=1, max_length=MOST_ORDERS)


class AuthorizedOrder(Body):
    order_id: str
    payment_id: str


class SealedView(Body):
    closed: list[str]
    authorized: list[AuthorizedOrder]

    @classmethod
    def of(cls, sealed: Sealed) -> SealedView:
        authorized = [AuthorizedOrder(order_id=order, payment_id=paid) for order, paid in sealed.authorized.items()]
        return cls(closed=list(sealed.closed), authorized=authorized)


class ProviderEvent(Body):
    """What the provider tells by webhook. It may grow members of its own at any time."""

    model_config = ConfigDict(extra="ignore")

    id: Id
    key: Id
    state: ChargeState
    reason: str = Field(default="", max_length=128)


class Received(Body):
    received: bool = True
