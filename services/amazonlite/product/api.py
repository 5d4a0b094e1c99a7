"""Routes of the product service: anyone reads, catalogue staff write."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from amazonlite.common.core.cursor import InvalidCursor
from amazonlite.common.http.fields import Sku
from amazonlite.common.http.problems import problems
from amazonlite.common.http.state import from_state
from amazonlite.common.security.principal import require
from amazonlite.product.browse import browse
from amazonlite.product.bulk import BulkDeps
from amazonlite.product.cursor import LONGEST
from amazonlite.product.domain import (
    MOST_PER_BULK,
    MOST_PER_PAGE,
    CurrencyNotSold,
    DuplicateSku,
    Filter,
    InvalidIfMatch,
    Product,
    ProductExists,
    ProductNotFound,
    Sort,
    VersionConflict,
)
from amazonlite.product.schemas import BulkAnswer, NewProduct, PricesView, ProductContent, ProductPage, ProductView
from amazonlite.product.settings import Settings
from amazonlite.product.store import Catalogue

router = APIRouter(tags=["products"])
internal = APIRouter(prefix="/internal/products", tags=["internal"], dependencies=[Depends(require("products:read"))])
staff = [Depends(require("staff:catalogue"))]
MOST_PRICES = 50
_VERSION = re.compile(r'(?:W/)?"?([0-9]{1,15})"?')


async def currency_of(request: Request) -> str:
    settings: Settings = request.app.state.settings
    return settings.shop_currency


async def expected_version(if_match: Annotated[str | None, Header(max_length=40)] = None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    found = _VERSION.fullmatch(if_match.strip())
    if found is None:
        raise InvalidIfMatch
    return int(found[1])


TheCatalogue = Annotated[Catalogue, Depends(from_state("catalogue"))]
Currency = Annotated[str, Depends(currency_of)]
IfMatch = Annotated[int | None, Depends(expected_version)]
SkuPath = Annotated[Sku, Path()]
Amount = Annotated[int | None, Query(ge=0, le=10**10)]
PRODUCTS = {"type": "array", "maxItems": MOST_PER_BULK, "items": {"$ref": "#/components/schemas/NewProduct"}}
BULK_BODY = {"required": True, "content": {"application/json": {"schema": PRODUCTS}}}


@router.get("/api/products", responses=problems(InvalidCursor))
async def list_products(
    catalogue: TheCatalogue,
    category: Annotated[str, Query(max_length=100)] = "",
    brand: Annotated[str, Query(max_length=100)] = "",
    min_price: Annotated[Amount, Query(alias="minPrice")] = None,
    max_price: Annotated[Amount, Query(alias="maxPrice")] = None,
    sort: Sort = Sort.SKU,
    limit: Annotated[int, Query(ge=1, le=MOST_PER_PAGE)] = 20,
    cursor: Annotated[str, Query(max_length=LONGEST)] = "",
) -> ProductPage:
    """One page; `category` is any step of a product's path, prices are minor units."""
    chosen = Filter(category, brand, min_price, max_price)
    products, following = await browse(catalogue, chosen, sort, cursor, limit)
    return ProductPage(items=[ProductView.of(product) for product in products], next_cursor=following)


@router.post("/api/products", status_code=201, dependencies=staff, responses=problems(ProductExists, CurrencyNotSold))
async def create(catalogue: TheCatalogue, currency: Currency, body: NewProduct, response: Response) -> ProductView:
    """201 for a new product, 200 when it is there already with just this content."""
    product, new = await catalogue.add(body.content(body.sku, currency))
    response.status_code = 201 if new else 200
    response.headers["Location"] = f"/api/products/{body.sku}"
    return _tagged(product, response)


@router.post(
    "/api/products:bulk",
    dependencies=staff,
    openapi_extra={"requestBody": BULK_BODY},
    responses=problems(DuplicateSku, CurrencyNotSold),
)
async def put_all(request: Request) -> BulkAnswer:
    """Creates or replaces up to 500 products; sending the same again changes nothing."""
    bulk: BulkDeps = request.app.state.bulk
    return BulkAnswer.of(await bulk.put_all(await request.body()))


@internal.get("/prices")
async def prices(
    catalogue: TheCatalogue, sku: Annotated[list[Sku], Query(min_length=1, max_length=MOST_PRICES)]
) -> PricesView:
    """Today's prices of up to 50 products in one read; those that are not there are left out."""
    return PricesView.of(await catalogue.prices(sku))


@router.get("/api/products/{sku}", responses=problems(ProductNotFound))
async def get(catalogue: TheCatalogue, sku: SkuPath, response: Response) -> ProductView:
    return _tagged(await catalogue.get(sku), response)


@router.put(
    "/api/products/{sku}",
    dependencies=staff,
    responses=problems(ProductNotFound, VersionConflict, InvalidIfMatch, CurrencyNotSold),
)
async def replace(
    catalogue: TheCatalogue,
    currency: Currency,
    sku: SkuPath,
    body: ProductContent,
    version: IfMatch,
    response: Response,
) -> ProductView:
    """With If-Match only that version is replaced: 412 `version_conflict` tells the current one."""
    return _tagged(await catalogue.replace(body.content(sku, currency), version), response)


@router.delete(
    "/api/products/{sku}", status_code=204, dependencies=staff, responses=problems(VersionConflict, InvalidIfMatch)
)
async def remove(catalogue: TheCatalogue, sku: SkuPath, version: IfMatch) -> None:
    """Repeating it is no error."""
    await catalogue.remove(sku, version)


def _tagged(product: Product, response: Response) -> ProductView:
    response.headers["ETag"] = f'"{product.version}"'
    return ProductView.of(product)
