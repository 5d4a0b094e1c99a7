"""A sale that cannot be is refused by the API server, or Stalled with the reason; the stock is untouched."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes.client import ApiException

from support.sales import FlashSales, sale_spec
from support.shop import Shop

pytestmark = pytest.mark.cluster


def ends_before_it_starts(spec: dict[str, Any]) -> None:
    spec["window"]["start"], spec["window"]["end"] = spec["window"]["end"], spec["window"]["start"]


def sells_nothing(spec: dict[str, Any]) -> None:
    spec["quantity"] = 0


def is_free_of_charge(spec: dict[str, Any]) -> None:
    spec["price"]["amount"] = 0


@pytest.mark.parametrize("spoil", [ends_before_it_starts, sells_nothing, is_free_of_charge])
async def test_the_api_server_refuses_a_sale_that(shop: Shop, sales: FlashSales, spoil: Any) -> None:
    sku = await shop.stocked_product(on_hand=10)
    spec = sale_spec(sku, 5, opens_in=60, lasts=60)
    spoil(spec)
    with pytest.raises(ApiException) as refused:
        sales.apply(spec)
    assert refused.value.status == 422
    assert await shop.stock(sku) == {"sku": sku, "onHand": 10, "available": 10, "reserved": 0}


async def test_an_unknown_sku_stalls(sales: FlashSales) -> None:
    name = sales.apply(sale_spec("NOSUCHSKU0", 5, opens_in=10, lasts=60))
    assert (await sales.stalled(name))["reason"] == "UnknownSku"


async def test_more_than_is_in_stock_stalls_and_heals_when_stock_arrives(shop: Shop, sales: FlashSales) -> None:
    sku = await shop.stocked_product(on_hand=4)
    name = sales.apply(sale_spec(sku, 5, opens_in=5, lasts=120))
    assert (await sales.stalled(name))["reason"] == "InsufficientStock"
    assert (await shop.stock(sku))["available"] == 4
    await shop.restock(sku, 5)
    await sales.in_phase(name, "Live", within=60)


async def test_a_second_sale_of_the_same_sku_stalls(shop: Shop, sales: FlashSales) -> None:
    sku = await shop.stocked_product(on_hand=20)
    first = sales.apply(sale_spec(sku, 5, opens_in=3, lasts=60))
    await sales.in_phase(first, "Live", within=60)
    second = sales.apply(sale_spec(sku, 5, opens_in=3, lasts=60))
    assert (await sales.stalled(second))["reason"] == "SkuOnSale"
    assert (await shop.stock(sku))["available"] == 15


async def test_a_live_sale_keeps_its_sku(shop: Shop, sales: FlashSales) -> None:
    sku = await shop.stocked_product(on_hand=20)
    name = sales.apply(sale_spec(sku, 5, opens_in=3, lasts=60))
    await sales.in_phase(name, "Live", within=60)
    with pytest.raises(ApiException) as refused:
        sales.resources.patch(name, {"spec": {"sku": "OTHER"}})
    assert refused.value.status == 422


async def test_deleting_a_live_sale_gives_the_stock_back(shop: Shop, sales: FlashSales) -> None:
    sku = await shop.stocked_product(on_hand=20)
    name = sales.apply(sale_spec(sku, 5, opens_in=3, lasts=300))
    await sales.in_phase(name, "Live", within=60)
    assert (await shop.stock(sku))["reserved"] == 5
    await sales.remove_all()
    assert await shop.stock(sku) == {"sku": sku, "onHand": 20, "available": 20, "reserved": 0}
