"""Orders as the order service tells them to a service of the shop."""

from __future__ import annotations

from urllib.parse import quote

from amazonlite.common.core.clock import parse_iso
from amazonlite.common.core.money import Money
from amazonlite.common.http.client import RemoteProblem, ServiceClient
from amazonlite.payment.ports import OrderFact


class HttpOrders:
    """The client carries this service's own token, so that it sees every order."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def find(self, order_id: str) -> OrderFact | None:
        try:
            order = await self._client.get(f"/api/orders/{quote(order_id, safe='')}")
        except RemoteProblem as problem:
            if problem.status == 404:
                return None
            raise
        return OrderFact(
            order_id=order["orderId"],
            customer_id=order["customerId"],
            state=order["state"],
            total=Money.from_dict(order["total"]),
            pay_before=parse_iso(order["payBefore"]),
            sale_id=order["saleId"],
        )
