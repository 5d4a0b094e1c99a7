"""What the product API takes and answers; money is an integer of minor units with its currency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from amazonlite.common.core.money import Money
from amazonlite.common.http.body import Body, MoneyView
from amazonlite.common.http.fields import Sku
from amazonlite.product.domain import BulkResult, Content, CurrencyNotSold, Product

Text = Annotated[str, Field(max_length=100)]


class Price(Body):
    amount: Annotated[int, Field(strict=True, ge=1, le=10**10)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class ProductContent(Body):
    """Everything but the SKU, which PUT takes from the path."""

    title: Annotated[str, Field(min_length=1, max_length=500)]
    price: Price
    description: Annotated[str, Field(max_length=8000)] = ""
    brand: Text = ""
    color: Text = ""
    category: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(default_factory=list, max_length=10)
    rating: Annotated[float, Field(ge=0, le=5)] = 0.0
    rating_count: Annotated[int, Field(strict=True, ge=0, le=10**9)] = 0

    def content(self, sku: str, currency: str) -> Content:
        """Raises CurrencyNotSold unless the price is in the shop's currency."""
        if self.price.currency != currency:
            raise CurrencyNotSold(currency)
        return Content(
            sku=sku,
            title=self.title,
            price=Money(self.price.amount, self.price.currency),
            description=self.description,
            brand=self.brand,
            color=self.color,
            category=tuple(self.category),
            rating=self.rating,
            rating_count=self.rating_count,
        )


class NewProduct(ProductContent):
    sku: Sku


class ProductView(Body):
    sku: str
    title: str
    description: str
    brand: str
    color: str
    category: list[str]
    price: Price
    rating: float
    rating_count: int
    version: int

    @classmethod
    def of(cls, product: Product) -> ProductView:
        content = product.content
        return cls(
            sku=content.sku,
            title=content.title,
            description=content.description,
            brand=content.brand,
            color=content.color,
            category=list(content.category),
            price=Price(amount=content.price.amount, currency=content.price.currency),
            rating=content.rating,
            rating_count=content.rating_count,
            version=product.version,
        )


class ProductPage(Body):
    """`nextCursor` is null on the last page."""

    items: list[ProductView]
    next_cursor: str | None


class PricesView(Body):
    """By SKU."""

    prices: dict[str, MoneyView]

    @classmethod
    def of(cls, prices: Mapping[str, Money]) -> PricesView:
        return cls(prices={sku: MoneyView.of(price) for sku, price in prices.items()})


class BulkAnswer(Body):
    created: int
    updated: int
    unchanged: int

    @classmethod
    def of(cls, result: BulkResult) -> BulkAnswer:
        return cls(created=result.created, updated=result.updated, unchanged=result.unchanged)
