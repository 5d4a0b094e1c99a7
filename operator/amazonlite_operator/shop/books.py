"""What orders and payments say about a sale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from amazonlite_operator.flash_sale.state import Books, Payments
from amazonlite_operator.shop.client import ShopClient

BOUGHT = ("CONFIRMED", "COMPLETED")
ORDER_IN_FLIGHT = ("PENDING", "RESERVED", "AUTHORIZED")
PAID = ("CAPTURED", "AUTHORIZED")
PAYMENT_IN_FLIGHT = ("PROCESSING",)


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
