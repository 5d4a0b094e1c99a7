"""Prices from the product service."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from amazonlite.common.core.errors import Unavailable
from amazonlite.common.core.money import Money
from amazonlite.common.http.client import RemoteProblem, ServiceClient


class HttpProducts:
    """All prices of an order in one read; the client carries this service's own token."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def prices(self, skus: Sequence[str]) -> dict[str, Money]:
        try:
            answer = await self._client.get(f"/internal/products/prices?{urlencode({'sku': skus}, doseq=True)}")
        except RemoteProblem as problem:
            if problem.status == 404:  # a product service of before, which is being replaced
                raise Unavailable("The prices cannot be read just now.", retry_after=1.0) from problem
            raise
        return {sku: Money.from_dict(price) for sku, price in answer["prices"].items()}
