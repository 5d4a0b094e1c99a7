"""Orders as the order service tells them to a service of the shop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from amazonlite.common.core.clock import parse_iso
from amazonlite.common.core.money import Money
from amazonlite.common.http.client import RemoteProblem, RemoteUnavailable, ServiceClient
from amazonlite.common.observe.logs import get_logger
from amazonlite.payment.ports import OrderFact, Outcome

NOT_THERE_YET = frozenset({404, 405})  # of an order service of the release before

log = get_logger(__name__)


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

    async def outcomes(self, order_ids: Sequence[str]) -> Mapping[str, Outcome]:
        asked = {"orderIds": list(order_ids)}
        try:
            answer = await self._client.request("POST", "/internal/orders/outcomes", json=asked, repeatable=True)
        except RemoteProblem as problem:
            if problem.status not in NOT_THERE_YET:
                log.error("outcomes_refused", code=problem.code, status=problem.status, count=len(order_ids))
                return {}  # so that these orders hide no others
            raise RemoteUnavailable(f"order does not tell outcomes: {problem.code}", service="order") from problem
        return {order["orderId"]: Outcome(order["state"], order["reason"]) for order in answer["orders"]}
