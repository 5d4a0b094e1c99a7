"""What goes over HTTP: orders as the payment service understands them, and the provider's webhook."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from amazonlite.common.core.clock import SystemClock
from amazonlite.common.core.money import Money
from amazonlite.common.http.client import RemoteUnavailable, ServiceClient
from amazonlite.payment.orders_http import HttpOrders
from amazonlite.payment.ports import OrderFact, Outcome
from amazonlite.payment.signature import verify
from amazonlite.payment.simulated.webhook import WebhookPost

SECRET = b"secret"
ORDER = {
    "orderId": "ord_1",
    "customerId": "usr_1",
    "state": "RESERVED",
    "total": {"amount": 3998, "currency": "USD"},
    "payBefore": "2030-01-01T00:15:00Z",
    "saleId": None,
}


async def order(request: web.Request) -> web.Response:
    if request.match_info["order"] == "ord_away":
        return web.Response(status=503)
    if request.match_info["order"] == "ord_none":
        return web.json_response({"code": "order_not_found"}, status=404)
    return web.json_response(ORDER)


async def outcomes(request: web.Request) -> web.Response:
    asked = (await request.json())["orderIds"]
    if "ord_away" in asked:
        return web.Response(status=503)
    if "ord_refused" in asked:
        return web.json_response({"code": "invalid_input"}, status=422)
    if "ord_unasked" in asked:  # as an order service of before does
        return web.json_response({"code": "not_found"}, status=404)
    return web.json_response({"orders": [{"orderId": "ord_1", "state": "CANCELLED", "reason": "hold_expired"}]})


async def webhook(request: web.Request) -> web.Response:
    payload = await request.read()
    verify(SECRET, request.headers["Provider-Signature"], payload, datetime.now(UTC))
    return web.Response(status=200 if payload == b"good" else 503)


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    app = web.Application()
    app.router.add_get("/api/orders/{order}", order)
    app.router.add_post("/internal/orders/outcomes", outcomes)
    app.router.add_post("/webhook", webhook)
    started = TestServer(app)
    async with started:
        yield started


@pytest.fixture
async def orders(server: TestServer) -> AsyncIterator[HttpOrders]:
    client = ServiceClient(str(server.make_url("/")), name="order")
    yield HttpOrders(client)
    await client.close()


async def test_an_order_comes_with_what_is_to_be_paid(orders: HttpOrders) -> None:
    pay_before = datetime(2030, 1, 1, 0, 15, tzinfo=UTC)
    assert await orders.find("ord_1") == OrderFact("ord_1", "usr_1", "RESERVED", Money(3998, "USD"), pay_before)


async def test_an_order_that_is_not_there_is_none_and_an_order_service_away_is_not(orders: HttpOrders) -> None:
    assert await orders.find("ord_none") is None
    with pytest.raises(RemoteUnavailable):
        await orders.find("ord_away")


async def test_what_became_of_orders_is_told_or_not_known(orders: HttpOrders) -> None:
    assert await orders.outcomes(["ord_1", "ord_none"]) == {"ord_1": Outcome("CANCELLED", "hold_expired")}
    for unknown in ("ord_unasked", "ord_away"):
        with pytest.raises(RemoteUnavailable):
            await orders.outcomes(["ord_1", unknown])
    assert await orders.outcomes(["ord_1", "ord_refused"]) == {}  # and the next ones are asked for


async def test_a_webhook_is_signed_and_told_again_until_it_is_taken(server: TestServer) -> None:
    post = WebhookPost(str(server.make_url("/webhook")), SECRET, SystemClock())
    nowhere = WebhookPost("http://127.0.0.1:9/webhook", SECRET, SystemClock())
    assert [await post(b"good"), await post(b"bad"), await nowhere(b"good")] == [True, False, False]
    await post.close()
    await nowhere.close()
