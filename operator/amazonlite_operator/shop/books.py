"""What orders and payments say about a sale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from amazonlite_operator.kube.schema import Count, Fields, Instant
from amazonlite_operator.shop.client import ShopClient

BOUGHT = ("CONFIRMED", "COMPLETED")
ORDER_IN_FLIGHT = ("PENDING", "RESERVED", "AUTHORIZED")
PAID = ("CAPTURED", "AUTHORIZED")
PAYMENT_IN_FLIGHT = ("PROCESSING",)


class Payments(Fields):
    """How many payments of the sale are in each state."""

    captured: Count = Field(default=0, description="Taken.")
    authorized: Count = Field(default=0, description="Held, to be captured.")
    voided: Count = Field(default=0, description="Given back after they were authorized.")
    failed: Count = Field(default=0, description="Declined by the provider.")
    cancelled: Count = Field(default=0, description="Closed before they were authorized.")


class Books(Fields):
    """What the shop's other services know about the sale."""

    read_at: Instant | None = Field(default=None, description="When the reading was begun.")
    units_ordered: Count = Field(default=0, description="Units of CONFIRMED and COMPLETED orders.")
    orders_confirmed: Count = Field(default=0, description="CONFIRMED and COMPLETED orders.")
    orders_in_flight: Count = 0
    amount_paid: Count = Field(default=0, description="Minor units, captured or authorized.")
    payments_in_flight: Count = 0
    payments: Payments = Field(default_factory=Payments)
    paid_orders_lost: Count = Field(
        default=0,
        description="Authorized payments whose order the shop closed without the customer asking; "
        "money of captured ones is still to be refunded; must be 0.",
    )


class Bookkeeping:
    def __init__(self, orders: ShopClient, payments: ShopClient) -> None:
        self._orders = orders
        self._payments = payments

    async def books(self, sale_id: str) -> Books:
        orders = await self._orders.call("GET", "/internal/orders", saleId=sale_id)
        payments = await self._payments.call("POST", "/internal/payments/summary", json={"saleId": sale_id})
        return books_of(orders, payments)


def books_of(orders: Mapping[str, Any], payments: Mapping[str, Any]) -> Books:
    """From the two services' summaries; a state that nothing is in is left out of them."""
    by_state: Mapping[str, Mapping[str, Any]] = payments["byState"]
    counts = {state: summed["count"] for state, summed in by_state.items()}
    return Books(
        units_ordered=_total(orders["units"], BOUGHT),
        orders_confirmed=_total(orders["byState"], BOUGHT),
        orders_in_flight=_total(orders["byState"], ORDER_IN_FLIGHT),
        amount_paid=sum(by_state[state]["amount"]["amount"] for state in PAID if state in by_state),
        payments_in_flight=_total(counts, PAYMENT_IN_FLIGHT),
        payments=Payments.model_validate({state.lower(): count for state, count in counts.items()}),
        paid_orders_lost=payments.get("paidOrdersLost", 0),
    )


def _total(by_state: Mapping[str, int], states: Iterable[str]) -> int:
    return sum(by_state.get(state, 0) for state in states)
