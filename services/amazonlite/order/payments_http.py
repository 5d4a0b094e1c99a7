"""Payments as the payment service tells them to a service of the shop."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from amazonlite.common.http.client import RemoteProblem, ServiceClient
from amazonlite.common.http.seals import seal_orders
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
        return Sealed(*await seal_orders(self._client, order_ids))
