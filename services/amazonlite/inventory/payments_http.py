"""Payment's word on orders, asked over HTTP with this service's own token."""

from __future__ import annotations

from collections.abc import Sequence

from amazonlite.common.http.client import RemoteProblem, RemoteUnavailable, ServiceClient
from amazonlite.inventory.ports import Sealed


class HttpPayments:
    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def seal(self, order_ids: Sequence[str]) -> Sealed:
        try:
            answer = await self._client.request(
                "POST", "/internal/payments/seal", json={"orderIds": list(order_ids)}, repeatable=True
            )
        except RemoteProblem as problem:  # whatever payment means by it, it has decided nothing
            raise RemoteUnavailable(f"payment does not seal: {problem.code}", service="payment") from problem
        return Sealed(answer["closed"], {paid["orderId"]: paid["paymentId"] for paid in answer["authorized"]})
