"""What inventory has set aside for orders, asked over HTTP with this service's own token."""

from __future__ import annotations

from urllib.parse import quote

from amazonlite.common.core.errors import Unavailable
from amazonlite.common.http.client import RemoteProblem, ServiceClient
from amazonlite.order.ports import ClaimFact


class HttpGoods:
    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def claim_of(self, order_id: str) -> ClaimFact | None:
        try:
            # Not repeatable: whoever asks for the order asks again.
            hold = await self._client.request("GET", f"/internal/holds/{quote(order_id, safe='')}")
        except RemoteProblem as problem:
            if problem.status == 404:
                return None
            raise Unavailable("Whether units are held for the order cannot be found out now.") from problem
        return ClaimFact.of(hold)

    async def are_sold(self, order_id: str) -> bool:
        try:
            reservation = await self._client.get(f"/internal/reservations/{quote(order_id, safe='')}")
        except RemoteProblem:
            return False
        return bool(reservation["state"] == "CONFIRMED")
