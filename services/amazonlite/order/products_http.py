"""Prices from the product service."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import quote

from amazonlite.common.core.money import Money
from amazonlite.common.http.client import RemoteProblem, ServiceClient


class HttpProducts:
    """One call a product, all at once."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def prices(self, skus: Sequence[str]) -> dict[str, Money]:
        found = await asyncio.gather(*(self._price(sku) for sku in skus))
        return {sku: price for sku, price in zip(skus, found, strict=True) if price is not None}

    async def _price(self, sku: str) -> Money | None:
        try:
            product = await self._client.get(f"/api/products/{quote(sku, safe='')}")
        except RemoteProblem as problem:
            if problem.status == 404:
                return None
            raise
        return Money.from_dict(product["price"])
