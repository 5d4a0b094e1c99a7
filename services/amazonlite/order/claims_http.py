"""Flash-sale claims, asked of the inventory service with this service's own token."""

from __future__ import annotations

from urllib.parse import quote

from amazonlite.common.http.client import RemoteProblem, ServiceClient
from amazonlite.order.ports import ClaimFact


class HttpClaims:
    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def find(self, order_id: str) -> ClaimFact | None:
        try:
            hold = await self._client.get(f"/internal/holds/{quote(order_id, safe='')}")
        except RemoteProblem as problem:
            if problem.status == 404:
                return None
            raise
        return ClaimFact.of(hold) if hold["state"] == "HELD" else None
