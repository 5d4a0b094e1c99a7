"""One bulk request is in memory as objects at a time; the others wait as the bytes they came in.

Read straight from JSON into products: by way of FastAPI's own body reading three requests of a MiB at once took the
service past its memory limit.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated

from fastapi.exceptions import RequestValidationError
from pydantic import Field, TypeAdapter, ValidationError

from amazonlite.product.domain import MOST_PER_BULK, BulkResult, Content, DuplicateSku
from amazonlite.product.schemas import NewProduct
from amazonlite.product.store import Catalogue

PRODUCTS = TypeAdapter(Annotated[list[NewProduct], Field(min_length=1, max_length=MOST_PER_BULK)])


class BulkDeps:
    """Takes bulk requests in turn."""

    def __init__(self, catalogue: Catalogue, currency: str) -> None:
        self._catalogue, self._currency = catalogue, currency
        self._turn = asyncio.Lock()

    async def put_all(self, body: bytes) -> BulkResult:
        """All products of the JSON list, or none when one of them is refused."""
        async with self._turn:
            return await self._catalogue.put_all(self._read(body))

    def _read(self, body: bytes) -> list[Content]:
        try:
            products = PRODUCTS.validate_json(body)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False, include_context=False)
            raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in faults]) from error
        repeated = [sku for sku, count in Counter(product.sku for product in products).items() if count > 1]
        if repeated:
            raise DuplicateSku(repeated)
        return [product.content(product.sku, self._currency) for product in products]
