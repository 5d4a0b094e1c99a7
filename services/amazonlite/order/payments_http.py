"""Payments as the payment service tells them to a service of the shop."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from amazonlite.common.http.client import RemoteProblem, RemoteUnavailable, ServiceClient
from amazonlite.order.ports import PaymentFact, Sealed

HELD = frozenset({"AUTHORIZED", "CAPTURED"})


class HttpPayments:
    """The client carries this service's own token, so that it sees every payment."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def find(self, payment_id: str) -> PaymentFact | None:
        try:
            intent = await self._client.get(f"/api/payments/intents/{quote(payment_id, safe='')}")
        except RemoteProblem as problem:
            if problem.status == 404:
                return None
            raise
        return PaymentFact(intent["paymentId"], intent["orderId"], held=intent["state"] in HELD)

    async def seal(self, order_ids: Sequence[str]) -> Sealed:
        try:
            answer = await self._client.request(
                "POST", "/internal/payments/seal", json={"orderIds": list(order_ids)}, repeatable=True
            )
        except RemoteProblem as problem:  # whatever payment means by it, it has decided nothing
            raise RemoteUnavailable(f"payment does not seal: {problem.code}", service="payment") from problem
        return Sealed(answer["closed"], {paid["orderId"]: paid["paymentId"] for paid in answer["authorized"]})
