"""What orders and payments say about a sale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amazonlite_operator.flash_sale.state import Books
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
        by_state: Mapping[str, Mapping[str, Any]] = payments["byState"]
        return Books(
            units_ordered=sum(orders["units"].get(state, 0) for state in BOUGHT),
            orders_in_flight=sum(orders["byState"].get(state, 0) for state in ORDER_IN_FLIGHT),
            amount_paid=sum(by_state[state]["amount"]["amount"] for state in PAID if state in by_state),
            payments_in_flight=sum(by_state[state]["count"] for state in PAYMENT_IN_FLIGHT if state in by_state),
        )
