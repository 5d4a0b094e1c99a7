"""The order service's routes: who may, what is answered, and in which form."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from amazonlite.common.http.app import create_app
from amazonlite.common.testing.asgi import AsgiClient, asgi_client
from amazonlite.common.testing.builders import as_service, as_shopper, trusting_verifier
from amazonlite.order.api import internal, shop
from support.orders import OrderBench

ALICE, BOB = as_shopper("usr_alice"), as_shopper("usr_bob")
TWO_BOOKS = {"lines": [{"sku": "B01", "quantity": 2}]}


@pytest.fixture
async def client(bench: OrderBench) -> AsyncIterator[AsgiClient]:
    app = create_app("order", routers=[shop, internal])
    app.state.deps, app.state.verifier = bench.deps, trusting_verifier()
    async with asgi_client(app) as opened:
        yield opened


async def created(client: AsgiClient, key: str = "k1") -> str:
    answer = await client.post("/api/orders", TWO_BOOKS, headers={**ALICE, "Idempotency-Key": key})
    assert answer.status == 201, answer.body
    return str(answer.json()["orderId"])


async def test_an_order_is_created_once_and_says_where_it_is(client: AsgiClient) -> None:
    first = await client.post("/api/orders", TWO_BOOKS, headers={**ALICE, "Idempotency-Key": "k1"})
    again = await client.post("/api/orders", TWO_BOOKS, headers={**ALICE, "Idempotency-Key": "k1"})

    order = first.json()
    assert (first.status, again.status, again.json()) == (201, 201, order)
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert first.headers["location"] == f"/api/orders/{order['orderId']}"
    assert order["state"] == "PENDING"
    assert order["total"] == {"amount": 3998, "currency": "USD"}
    assert (await client.get(first.headers["location"], headers=ALICE)).json() == order


async def test_the_longest_customers_name_makes_an_order_once(client: AsgiClient) -> None:
    headers = {**as_shopper("usr_" + "x" * 59), "Idempotency-Key": "k1"}
    first, again = [await client.post("/api/orders", TWO_BOOKS, headers=headers) for _ in range(2)]
    assert (first.status, again.status, first.json()) == (201, 201, again.json())
    other = {**as_shopper("usr_" + "x" * 58 + "y"), "Idempotency-Key": "k1"}
    assert (await client.post("/api/orders", TWO_BOOKS, headers=other)).json()["orderId"] != first.json()["orderId"]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0000", ""])
async def test_a_hostile_cursor_is_refused(client: AsgiClient, moment: str) -> None:
    cursor = urlsafe_b64encode(f"{moment}|ord_1".encode()).decode()
    answer = await client.get(f"/api/orders?cursor={cursor}", headers=ALICE)
    assert (answer.status, answer.json()["code"]) == (422, "invalid_cursor")


@pytest.mark.parametrize(
    "body",
    [
        {"lines": []},
        {"lines": [{"sku": "B01", "quantity": 0}]},
        {"lines": [{"sku": "B01", "quantity": 101}]},
        {"lines": [{"sku": "B01", "quantity": "1"}]},
        {"lines": [{"sku": "B01", "quantity": True}]},
        {"lines": [{"sku": "../B01", "quantity": 1}]},
        {"lines": [{"sku": "B01", "quantity": 1, "unitPrice": 1}]},
        {},
    ],
)
async def test_a_bad_order_is_refused(client: AsgiClient, body: object) -> None:
    answer = await client.post("/api/orders", body, headers={**ALICE, "Idempotency-Key": "k1"})
    assert (answer.status, answer.json()["code"]) == (422, "invalid_request")


async def test_an_order_needs_a_key_a_shopper_and_known_products(client: AsgiClient) -> None:
    unknown = {"lines": [{"sku": "B99", "quantity": 1}]}
    assert (await client.post("/api/orders", TWO_BOOKS, headers=ALICE)).status == 422
    assert (await client.post("/api/orders", TWO_BOOKS, headers={"Idempotency-Key": "k1"})).status == 401
    assert (await client.post("/api/orders", TWO_BOOKS, headers={**as_service(), "Idempotency-Key": "k"})).status == 403
    refused = await client.post("/api/orders", unknown, headers={**ALICE, "Idempotency-Key": "k1"})
    assert (refused.status, refused.json()["code"], refused.json()["skus"]) == (422, "unknown_sku", ["B99"])


async def test_others_find_nothing_but_services_see_all(client: AsgiClient) -> None:
    order_id = await created(client)
    for path in (f"/api/orders/{order_id}", f"/api/orders/{order_id}/timeline"):
        stranger = await client.get(path, headers=BOB)
        assert (stranger.status, stranger.json()["code"]) == (404, "order_not_found")
        assert (await client.get(path, headers=as_service())).status == 200
    assert (await client.post(f"/api/orders/{order_id}/cancel", headers=BOB)).status == 404
    assert (await client.post(f"/api/orders/{order_id}/confirm", {"paymentId": "pay_1"}, headers=BOB)).status == 404


async def test_a_service_reads_any_order_only_if_it_may_and_decides_none(client: AsgiClient) -> None:
    order_id = await created(client)
    path, seals = f"/api/orders/{order_id}", as_service("svc_inventory", "payments:seal")
    assert (await client.get(path, headers=seals)).status == 404
    assert (await client.get(path, headers=as_service("svc_payment", "orders:read-any"))).status == 200
    for action, body in (("cancel", None), ("confirm", {"paymentId": "pay_1"})):
        answer = await client.post(f"{path}/{action}", body, headers=as_service())
        assert (answer.status, answer.json()["code"]) == (403, "insufficient_scope")
    sums = as_service("svc_payment", "orders:read-any")
    assert (await client.get("/internal/orders?saleId=fs_1", headers=sums)).status == 403


async def test_payment_asks_what_became_of_many_orders_at_once(client: AsgiClient) -> None:
    open_id, cancelled_id = await created(client, "k1"), await created(client, "k2")
    await client.post(f"/api/orders/{cancelled_id}/cancel", headers=ALICE)
    asked = {"orderIds": [cancelled_id, open_id, "ord_unknown"]}
    path, payment = "/internal/orders/outcomes", as_service("svc_payment", "orders:read-any")

    answer = await client.post(path, asked, headers=payment)
    assert answer.status == 200
    assert {order["orderId"]: (order["state"], order["reason"]) for order in answer.json()["orders"]} == {
        open_id: ("PENDING", ""),
        cancelled_id: ("CANCELLED", "customer_cancelled"),
    }
    for refused in (ALICE, as_service("svc_operator", "orders:summarise")):
        assert (await client.post(path, asked, headers=refused)).status == 403
    for orders in ([], ["x"] * 501, [""]):
        assert (await client.post(path, {"orderIds": orders}, headers=payment)).status == 422


async def test_a_lost_race_answers_with_the_winners_order(client: AsgiClient, bench: OrderBench) -> None:
    order_id = await created(client)
    cancelled = await client.post(f"/api/orders/{order_id}/cancel", headers=ALICE)
    lost = await client.post(f"/api/orders/{order_id}/confirm", {"paymentId": "pay_1"}, headers=ALICE)

    assert (cancelled.status, cancelled.json()["state"]) == (200, "CANCELLED")
    assert (lost.status, lost.json()["code"]) == (409, "order_already_decided")
    assert lost.json()["order"] == cancelled.json()


async def test_the_timeline_tells_the_saga(client: AsgiClient, bench: OrderBench) -> None:
    order_id = await created(client)
    reserved = bench.message("inventory.reserved.v1", order_id, **bench.reservation())
    await bench.delivered(reserved)

    entries = (await client.get(f"/api/orders/{order_id}/timeline", headers=ALICE)).json()["entries"]
    assert [(entry["seq"], entry["state"], entry["cause"], entry["causeEventId"]) for entry in entries] == [
        (1, "PENDING", "create", ""),
        (2, "RESERVED", "inventory.reserved.v1", reserved.id),
    ]


async def test_pages_neither_skip_nor_repeat_though_orders_keep_coming(client: AsgiClient, bench: OrderBench) -> None:
    """Two orders share each moment, so that the id decides between them."""
    made = []
    for number in range(7):
        bench.clock.advance(number % 2)
        made.append(await created(client, f"k{number}"))

    seen, cursor = [], ""
    while True:
        page = (await client.get(f"/api/orders?limit=3&cursor={cursor}", headers=ALICE)).json()
        seen += [order["orderId"] for order in page["items"]]
        await created(client, f"late-{len(seen)}")
        if page["nextCursor"] is None:
            break
        cursor = page["nextCursor"]

    assert seen == made[::-1]
    assert (await client.get("/api/orders", headers=BOB)).json() == {"items": [], "nextCursor": None}


async def test_a_cursor_of_somebody_else_shows_only_ones_own(client: AsgiClient) -> None:
    for number in range(3):
        await created(client, f"k{number}")
    cursor = (await client.get("/api/orders?limit=1", headers=ALICE)).json()["nextCursor"]
    assert (await client.get(f"/api/orders?cursor={cursor}", headers=BOB)).json()["items"] == []
    assert (await client.get("/api/orders?cursor=nonsense", headers=ALICE)).json()["code"] == "invalid_cursor"


async def test_a_sale_is_summed_up_for_services_only(client: AsgiClient, bench: OrderBench) -> None:
    for quantity in (1, 2):
        await bench.delivered(await bench.claimed(quantity=quantity))
    answer = await client.get("/internal/orders?saleId=fs_1", headers=as_service())

    assert answer.json() == {"saleId": "fs_1", "byState": {"RESERVED": 2}, "units": {"RESERVED": 3}, "total": 2}
    assert (await client.get("/internal/orders?saleId=fs_1", headers=ALICE)).status == 403


async def test_a_reserved_order_must_be_paid_before_its_reservation_ends(client: AsgiClient, bench: OrderBench) -> None:
    order_id = await created(client)
    await bench.happens("inventory.reserved.v1", order_id, **bench.reservation(60))
    order = (await client.get(f"/api/orders/{order_id}", headers=ALICE)).json()
    assert order["payBefore"] == (bench.clock.now() + timedelta(seconds=60)).isoformat().replace("+00:00", "Z")
