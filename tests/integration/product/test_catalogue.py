import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from amazonlite.common.core.settings import MongoSettings
from amazonlite.common.testing.asgi import AsgiClient, asgi_client
from amazonlite.common.testing.fakes import mint_token
from amazonlite.product.app import create
from amazonlite.product.settings import Settings

pytestmark = pytest.mark.stores
Put = Callable[..., Awaitable[dict[str, Any]]]


def body(sku: str, amount: int = 999, **members: Any) -> dict[str, Any]:
    return {"sku": sku, "title": f"Thing {sku}", "price": {"amount": amount, "currency": "USD"}, **members}


def without_sku(product: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in product.items() if name not in {"sku", "version"}}


async def walk(staff: AsgiClient, query: str) -> list[str]:
    """The SKUs of all pages of two, in order."""
    skus: list[str] = []
    cursor = ""
    while True:
        answer = await staff.get(f"/api/products?limit=2{query}{cursor}")
        assert answer.status == 200, answer.body
        page = answer.json()
        skus += [product["sku"] for product in page["items"]]
        if page["nextCursor"] is None:
            return skus
        cursor = f"&cursor={page['nextCursor']}"


async def test_a_product_is_created_once_and_the_same_content_again_is_no_error(staff: AsgiClient) -> None:
    first = await staff.post("/api/products", body("B1"))
    again = await staff.post("/api/products", body("B1"))
    other = await staff.post("/api/products", body("B1", amount=1))
    assert (first.status, again.status, other.status) == (201, 200, 409)
    assert first.json() == again.json()
    assert first.json()["version"] == 1
    assert first.headers["etag"] == '"1"'
    assert other.json()["code"] == "product_exists"


async def test_a_missing_product_is_a_problem(staff: AsgiClient) -> None:
    answer = await staff.get("/api/products/NONE")
    assert (answer.status, answer.json()["code"]) == (404, "product_not_found")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_only_the_version_named_is_replaced(staff: AsgiClient, put: Put) -> None:
    content = without_sku(await put("B1"))
    changed = await staff.put("/api/products/B1", {**content, "title": "New"}, headers={"If-Match": '"1"'})
    late = await staff.put("/api/products/B1", {**content, "title": "Late"}, headers={"If-Match": '"1"'})
    assert (changed.status, changed.json()["version"], changed.headers["etag"]) == (200, 2, '"2"')
    assert (late.status, late.json()["code"], late.json()["version"]) == (412, "version_conflict", 2)
    assert (await staff.get("/api/products/B1")).json()["title"] == "New"


async def test_of_many_writers_with_the_same_version_one_wins(staff: AsgiClient, put: Put) -> None:
    content = without_sku(await put("B1"))
    answers = await asyncio.gather(
        *(
            staff.put("/api/products/B1", {**content, "title": f"T{number}"}, headers={"If-Match": "1"})
            for number in range(8)
        )
    )
    assert sorted(answer.status for answer in answers) == [200] + [412] * 7


async def test_replacing_what_is_not_there_is_404_and_a_strange_if_match_422(staff: AsgiClient, put: Put) -> None:
    content = without_sku(await put("B1"))
    assert (await staff.put("/api/products/B2", content)).status == 404
    assert (await staff.put("/api/products/B1", content, headers={"If-Match": "x"})).json()[
        "code"
    ] == "invalid_if_match"
    assert (await staff.put("/api/products/B1", content, headers={"If-Match": "*"})).status == 200


async def test_a_product_is_removed_and_stays_removed(staff: AsgiClient, put: Put) -> None:
    await put("B1")
    assert (await staff.request("DELETE", "/api/products/B1", headers={"If-Match": "7"})).status == 412
    assert (await staff.delete("/api/products/B1")).status == 204
    assert (await staff.delete("/api/products/B1")).status == 204
    assert (await staff.get("/api/products/B1")).status == 404


async def test_every_order_visits_every_product_once_and_ties_do_not_matter(staff: AsgiClient, put: Put) -> None:
    for sku, amount, title, rating in (
        ("A", 300, "pear", 4.0),
        ("B", 100, "Apple", 5.0),
        ("C", 200, "fig", 4.0),
        ("D", 100, "Fig", 0.0),
        ("E", 100, "quince", 4.0),
    ):
        await put(sku, amount=amount, title=title, rating=rating)
    assert await walk(staff, "") == ["A", "B", "C", "D", "E"]
    assert await walk(staff, "&sort=price") == ["B", "D", "E", "C", "A"]
    assert await walk(staff, "&sort=-price") == ["A", "C", "E", "D", "B"]
    assert await walk(staff, "&sort=name") == ["B", "C", "D", "A", "E"]
    assert await walk(staff, "&sort=rating") == ["B", "E", "C", "A", "D"]


async def test_filters_narrow_and_combine(staff: AsgiClient, put: Put) -> None:
    await put("A", amount=100, category=["Home", "Lamps"], brand="Lumo")
    await put("B", amount=200, category=["Home", "Chairs"], brand="Lumo")
    await put("C", amount=300, category=["Garden"], brand="Grun")
    assert await walk(staff, "&category=Home") == ["A", "B"]
    assert await walk(staff, "&category=Lamps&brand=Lumo") == ["A"]
    assert await walk(staff, "&minPrice=200&sort=price") == ["B", "C"]
    assert await walk(staff, "&minPrice=100&maxPrice=200&brand=Lumo&sort=-price") == ["B", "A"]
    assert await walk(staff, "&category=None") == []


async def test_a_page_is_not_shifted_by_what_is_added_before_it(staff: AsgiClient, put: Put) -> None:
    for sku in ("B", "C", "D"):
        await put(sku, amount=100)
    first = (await staff.get("/api/products?sort=price&limit=2")).json()
    await put("A", amount=1)
    second = (await staff.get(f"/api/products?sort=price&limit=2&cursor={first['nextCursor']}")).json()
    assert [product["sku"] for product in second["items"]] == ["D"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("cursor=abc", "invalid_cursor"),
        ("limit=0", "invalid_request"),
        ("limit=101", "invalid_request"),
        ("sort=colour", "invalid_request"),
        ("minPrice=-1", "invalid_request"),
        ("minPrice=ten", "invalid_request"),
        ("maxPrice=99999999999999", "invalid_request"),
    ],
)
async def test_a_bad_query_is_422(staff: AsgiClient, query: str, code: str) -> None:
    answer = await staff.get(f"/api/products?{query}")
    assert (answer.status, answer.json()["code"]) == (422, code)


async def test_bulk_creates_updates_and_leaves_the_rest(staff: AsgiClient) -> None:
    first = await staff.post("/api/products:bulk", [body(f"B{n}") for n in range(30)])
    assert first.json() == {"created": 30, "updated": 0, "unchanged": 0}
    second = await staff.post("/api/products:bulk", [body("B1", amount=5), body("B2"), body("NEW")])
    assert second.json() == {"created": 1, "updated": 1, "unchanged": 1}
    assert (await staff.get("/api/products/B1")).json()["version"] == 2
    assert (await staff.get("/api/products/B2")).json()["version"] == 1


async def test_bulks_that_meet_leave_every_product(staff: AsgiClient) -> None:
    answers = await asyncio.gather(
        *(staff.post("/api/products:bulk", [body(f"B{n}", amount=k) for n in range(20)]) for k in (1, 2, 3))
    )
    assert {answer.status for answer in answers} == {200}
    assert len(await walk(staff, "")) == 20


@pytest.mark.parametrize(
    ("products", "code"),
    [
        ([], "invalid_request"),
        ([body("B1"), body("B1", amount=5)], "duplicate_sku"),
        ([body(f"B{n}") for n in range(501)], "invalid_request"),
        ([body("B1"), body("B2", amount=-1)], "invalid_request"),
    ],
)
async def test_a_bad_bulk_changes_nothing(staff: AsgiClient, products: list[Any], code: str) -> None:
    answer = await staff.post("/api/products:bulk", products)
    assert (answer.status, answer.json()["code"]) == (422, code)
    assert await walk(staff, "") == []


@pytest.mark.parametrize("content", [b"", b"[", b"\xff", b"{}", b'[{"sku":"\\ud800"}]', b"null"])
async def test_a_malformed_bulk_is_422(staff: AsgiClient, content: bytes) -> None:
    answer = await staff.request("POST", "/api/products:bulk", content=content)
    assert (answer.status, answer.json()["code"]) == (422, "invalid_request")


async def test_writing_needs_the_staff_scope(staff: AsgiClient) -> None:
    shopper = {"Authorization": f"Bearer {mint_token('usr_1')}"}
    assert (await staff.post("/api/products", body("B1"), headers=shopper)).status == 403
    assert (await staff.post("/api/products:bulk", [body("B1")], headers=shopper)).status == 403
    assert (await staff.post("/api/products", body("B1"), headers={"Authorization": ""})).status == 401


async def test_a_dead_database_is_503_with_retry_after() -> None:
    dead = MongoSettings(url="mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=50", database="none")
    async with asgi_client(create(Settings(mongo=dead))) as client:
        answer = await client.get("/api/products")
        assert (answer.status, answer.json()["code"]) == (503, "store_unavailable")
        assert answer.headers["retry-after"] == "2"
        assert (await client.get("/readyz")).status == 503
