"""Payment's word on orders, asked over HTTP with this service's own token."""

from __future__ import annotations

from collections.abc import Sequence

from amazonlite.common.http.client import ServiceClient
from amazonlite.common.http.seals import seal_orders
from amazonlite.inventory.ports import Sealed


class HttpPayments:
    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def seal(self, order_ids: Sequence[str]) -> Sealed:
        return Sealed(*await seal_orders(self._client, order_ids))
