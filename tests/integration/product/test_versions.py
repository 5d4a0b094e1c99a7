"""A product's version names one content for ever: through repeats, removals and new beginnings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from amazonlite.common.testing.asgi import AsgiClient
from amazonlite.common.testing.builders import bearer
from amazonlite.common.testing.fakes import mint_token

pytestmark = pytest.mark.stores
Put = Callable[..., Awaitable[dict[str, Any]]]
SERVICE = bearer(mint_token("svc_order", ["products:read"], kind="service"))


def content(product: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in product.items() if name not in {"sku", "version"}} | changes


async def test_the_same_content_again_changes_nothing_whatever_version_was_named(staff: AsgiClient, put: Put) -> None:
    wanted = content(await put("B1"), title="New")
    for _ in range(2):  # as the gateway sends again what it heard no answer to
        answer = await staff.put("/api/products/B1", wanted, headers={"If-Match": '"1"'})
        assert (answer.status, answer.json()["version"], answer.headers["etag"]) == (200, 2, '"2"')
    assert (await staff.put("/api/products/B1", wanted)).json()["version"] == 2


async def test_versions_go_on_when_a_removed_product_is_made_again(staff: AsgiClient, put: Put) -> None:
    old = await put("B1")
    assert (await staff.delete("/api/products/B1")).status == 204
    assert (await staff.put("/api/products/B1", content(old))).status == 404
    new = await put("B1", amount=5)
    assert new["version"] > old["version"] + 1
    stale = await staff.put("/api/products/B1", content(old, title="Stale"), headers={"If-Match": '"1"'})
    assert (stale.status, stale.json()["version"]) == (412, new["version"])
    assert (await staff.delete("/api/products/B1", headers={"If-Match": '"1"'})).status == 412


async def test_a_removed_product_with_the_same_content_is_made_again(staff: AsgiClient, put: Put) -> None:
    await put("B1")
    await staff.delete("/api/products/B1")
    again = await put("B1")
    assert (await staff.get("/api/products/B1")).json() == again


async def test_removed_products_are_nowhere(staff: AsgiClient, put: Put) -> None:
    await put("B1", category=["Books"])
    await put("B2", category=["Books"])
    await staff.delete("/api/products/B1")
    await staff.delete("/api/products/B1")
    for query in ("", "?category=Books", "?sort=price&minPrice=1"):
        assert [one["sku"] for one in (await staff.get(f"/api/products{query}")).json()["items"]] == ["B2"]
    prices = await staff.get("/internal/products/prices?sku=B1&sku=B2", headers=SERVICE)
    assert list(prices.json()["prices"]) == ["B2"]


async def test_a_bulk_load_brings_a_removed_product_back_as_new(staff: AsgiClient, put: Put) -> None:
    product = await put("B1")
    await staff.delete("/api/products/B1")
    sent = [{**content(product), "sku": "B1"}]
    assert (await staff.post("/api/products:bulk", sent)).json() == {"created": 1, "updated": 0, "unchanged": 0}
    assert (await staff.post("/api/products:bulk", sent)).json() == {"created": 0, "updated": 0, "unchanged": 1}
    assert (await staff.get("/api/products/B1")).json()["version"] == 3


async def test_many_who_make_it_again_at_once_make_one(staff: AsgiClient, put: Put) -> None:
    product = await put("B1")
    await staff.delete("/api/products/B1")
    bodies = [{**content(product, title=f"T{number}"), "sku": "B1"} for number in range(8)]
    answers = await asyncio.gather(*(staff.post("/api/products", body) for body in bodies))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 7


async def test_prices_are_read_at_once_by_services_only(staff: AsgiClient, put: Put) -> None:
    await put("B1", amount=5)
    url = "/internal/products/prices?sku=B1&sku=NONE"
    answer = await staff.get(url, headers=SERVICE)
    assert answer.json() == {"prices": {"B1": {"amount": 5, "currency": "USD"}}}
    assert (await staff.get(url)).status == 403
    many = "&".join(f"sku=B{number}" for number in range(51))
    for bad in ("", "sku=", "sku=../x", many):
        assert (await staff.get(f"/internal/products/prices?{bad}", headers=SERVICE)).status == 422
