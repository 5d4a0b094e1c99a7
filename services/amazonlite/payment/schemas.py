"""What the payment API takes and answers; money is an integer of minor units with its currency."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from amazonlite.common.core.clock import iso
from amazonlite.common.http.body import Body, MoneyView
from amazonlite.payment.domain import ChargeState, Method, Payment

Id = Annotated[str, Field(min_length=1, max_length=64)]


class CreateIntent(Body):
    order_id: Id


class ConfirmIntent(Body):
    method: Method


class SaleQuery(Body):
    sale_id: Id


class PaymentView(Body):
    payment_id: str
    order_id: str
    state: str
    amount: MoneyView
    method: str | None
    reason: str
    pay_before: str
    created_at: str

    @classmethod
    def of(cls, payment: Payment) -> PaymentView:
        return cls(
            payment_id=payment.payment_id,
            order_id=payment.order_id,
            state=payment.state,
            amount=MoneyView.of(payment.amount),
            method=payment.method,
            reason=payment.reason,
            pay_before=iso(payment.pay_before),
            created_at=iso(payment.created_at),
        )


class StateSumView(Body):
    count: int
    amount: MoneyView


class SaleSummary(Body):
    sale_id: str
    by_state: dict[str, StateSumView]


class ProviderEvent(Body):
    """What the provider tells by webhook. It may grow members of its own at any time."""

    model_config = ConfigDict(extra="ignore")

    id: Id
    key: Id
    state: ChargeState
    reason: str = Field(default="", max_length=128)


class Received(Body):
    received: bool = True
