"""A product's version grows by one with every change of its content, so that a writer can say which content it saw."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum

from amazonlite.common.core.errors import Conflict, DomainError, InvalidInput, NotFound
from amazonlite.common.core.money import Money

MOST_PER_BULK = 500
MOST_PER_PAGE = 100


class ProductNotFound(NotFound):
    code = "product_not_found"
    title = "Product not found"

    def __init__(self, sku: str) -> None:
        super().__init__(f"The catalogue has no product {sku}.", sku=sku)


class ProductExists(Conflict):
    """The SKU is taken by a product with other content."""

    code = "product_exists"
    title = "Product exists"

    def __init__(self, sku: str, version: int) -> None:
        super().__init__(
            f"There is a different product {sku} already.",
            next_step=f"PUT /api/products/{sku} changes it.",
            sku=sku,
            version=version,
        )


class VersionConflict(DomainError):
    """Somebody changed the product since the version in If-Match was read."""

    code = "version_conflict"
    status = 412
    title = "Version conflict"

    def __init__(self, sku: str, version: int) -> None:
        super().__init__(
            f"Product {sku} is at version {version}.", next_step="Read it again, then repeat.", version=version
        )


class InvalidIfMatch(InvalidInput):
    code = "invalid_if_match"
    title = "Invalid If-Match"

    def __init__(self) -> None:
        super().__init__("If-Match must be a version as given in ETag, or *.")


class CurrencyNotSold(InvalidInput):
    code = "currency_not_sold"
    title = "Currency not sold"

    def __init__(self, currency: str) -> None:
        super().__init__(f"The shop sells in {currency} only: amounts of two currencies cannot be put in order.")


class DuplicateSku(InvalidInput):
    code = "duplicate_sku"
    title = "The same product twice"

    def __init__(self, skus: list[str]) -> None:
        super().__init__("A bulk request may name a product once.", skus=skus[:10])


@dataclass(frozen=True, slots=True)
class Content:
    """All of a product that a catalogue writer decides; `category` is the path from the widest to the narrowest."""

    sku: str
    title: str
    price: Money
    description: str = ""
    brand: str = ""
    color: str = ""
    category: tuple[str, ...] = ()
    rating: float = 0.0
    rating_count: int = 0

    @property
    def digest(self) -> str:
        """The same content has the same digest: writing it again changes nothing."""
        values = (
            self.sku,
            self.title,
            self.price.as_dict(),
            self.description,
            self.brand,
            self.color,
            self.category,
            self.rating,
            self.rating_count,
        )
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Product:
    content: Content
    version: int


class Sort(StrEnum):
    """Ties are ordered by SKU in the same direction; the default is the order of SKUs."""

    SKU = "sku"
    PRICE = "price"
    PRICE_DOWN = "-price"
    NAME = "name"
    RATING = "rating"  # the best first


@dataclass(frozen=True, slots=True)
class Filter:
    """Prices in minor units, both ends included; None and empty mean any."""

    category: str = ""
    brand: str = ""
    min_price: int | None = None
    max_price: int | None = None


@dataclass(frozen=True, slots=True)
class PageKey:
    """Where a page ended: the sort key and the SKU of its last product."""

    value: int | float | str
    sku: str


@dataclass(frozen=True, slots=True)
class BulkResult:
    created: int
    updated: int
    unchanged: int


def name_key(title: str) -> str:
    """What sorting by name compares: without regard to case, and short enough for an index."""
    return title.casefold()[:100]


def sort_value(content: Content, sort: Sort) -> int | float | str:
    match sort:
        case Sort.PRICE | Sort.PRICE_DOWN:
            return content.price.amount
        case Sort.NAME:
            return name_key(content.title)
        case Sort.RATING:
            return content.rating
        case Sort.SKU:
            return content.sku
