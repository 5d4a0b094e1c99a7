"""What other services answer over HTTP, as the order service understands it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from amazonlite.common.core.errors import Unavailable
from amazonlite.common.core.money import Money
from amazonlite.common.http.client import RemoteProblem, RemoteUnavailable, ServiceClient
from amazonlite.inventory.payments_http import HttpPayments as InventoryPayments
from amazonlite.order.goods_http import HttpGoods
from amazonlite.order.payments_http import HttpPayments
from amazonlite.order.ports import PaymentFact
from amazonlite.order.products_http import HttpProducts

READS, READ = web.AppKey("reads", list[list[str]]), []  # type: ignore[var-annotated]
STATUSES = {"BROKEN": 403, "AWAY": 503, "OF_BEFORE": 404}


async def prices(request: web.Request) -> web.Response:
    request.app[READS].append(skus := request.query.getall("sku"))
    if skus[0] in STATUSES:
        return web.json_response({"code": "refused"}, status=STATUSES[skus[0]])
    price = {"amount": 1999, "currency": "USD"}
    return web.json_response({"prices": {sku: price for sku in skus if sku != "GONE"}})


async def intent(request: web.Request) -> web.Response:
    payment_id = request.match_info["payment"]
    if payment_id == "pay_none":
        return web.json_response({"code": "payment_not_found"}, status=404)
    state = payment_id.removeprefix("pay_").upper()
    return web.json_response({"paymentId": payment_id, "orderId": "ord_1", "state": state})


async def seal(request: web.Request) -> web.Response:
    orders = (await request.json())["orderIds"]
    if orders[0].isdigit():
        return web.json_response({"code": "some_problem"}, status=int(orders[0]))
    paid = [{"orderId": orders[0], "paymentId": "pay_1"}]
    return web.json_response({"closed": orders[1:], "authorized": paid})


async def reservation(request: web.Request) -> web.Response:
    order_id = request.match_info["order"]
    if order_id.isdigit():
        return web.json_response({"code": "reservation_not_found"}, status=int(order_id))
    return web.json_response({"orderId": order_id, "state": order_id})


@pytest.fixture
async def client() -> AsyncIterator[ServiceClient]:
    app = web.Application()
    app[READS] = READ
    READ.clear()
    app.router.add_get("/internal/products/prices", prices)
    app.router.add_get("/api/payments/intents/{payment}", intent)
    app.router.add_post("/internal/payments/seal", seal)
    app.router.add_get("/internal/reservations/{order}", reservation)
    app.router.add_get("/internal/holds/{order}", reservation)
    async with TestServer(app) as server:
        opened = ServiceClient(str(server.make_url("/")), name="test")
        yield opened
        await opened.close()


async def test_prices_of_products_that_exist(client: ServiceClient) -> None:
    prices = await HttpProducts(client).prices(["B01", "GONE", "B 02"])
    assert prices == {"B01": Money(1999, "USD"), "B 02": Money(1999, "USD")}


async def test_the_prices_of_the_longest_order_are_one_read(client: ServiceClient) -> None:
    skus = [f"{number:02}" + "x" * 62 for number in range(50)]
    assert list(await HttpProducts(client).prices(skus)) == skus
    assert len(READ) == 1


async def test_a_product_service_in_trouble_is_not_an_unknown_product(client: ServiceClient) -> None:
    with pytest.raises(RemoteProblem):
        await HttpProducts(client).prices(["BROKEN"])
    with pytest.raises(RemoteUnavailable):
        await HttpProducts(client).prices(["AWAY"])
    with pytest.raises(Unavailable):
        await HttpProducts(client).prices(["OF_BEFORE"])


@pytest.mark.parametrize(
    ("payment_id", "held"),
    [("pay_authorized", True), ("pay_captured", True), ("pay_voided", False), ("pay_failed", False)],
)
async def test_money_is_held_once_authorised_or_taken(client: ServiceClient, payment_id: str, held: bool) -> None:
    assert await HttpPayments(client).find(payment_id) == PaymentFact(payment_id, "ord_1", held)


async def test_a_payment_that_is_not_there_is_none(client: ServiceClient) -> None:
    assert await HttpPayments(client).find("pay_none") is None


async def test_payment_says_which_orders_are_paid_and_which_are_closed(client: ServiceClient) -> None:
    for port in (HttpPayments(client), InventoryPayments(client)):
        sealed = await port.seal(["ord_1", "ord_2"])
        assert (sealed.closed, sealed.authorized) == (["ord_2"], {"ord_1": "pay_1"})


@pytest.mark.parametrize("status", [400, 403, 404, 409, 500, 503])
async def test_a_payment_service_that_cannot_seal_has_decided_nothing(client: ServiceClient, status: int) -> None:
    """An older release, a wrong scope, a fault: sweeps wait, whatever it is."""
    for port in (HttpPayments(client), InventoryPayments(client)):
        with pytest.raises(RemoteUnavailable):
            await port.seal([str(status)])


async def test_goods_are_sold_only_where_inventory_says_so(client: ServiceClient) -> None:
    goods = HttpGoods(client)
    assert await goods.are_sold("CONFIRMED")
    assert [await goods.are_sold(order_id) for order_id in ("HELD", "RELEASED", "404", "403")] == [False] * 4
    assert await goods.claim_of("404") is None
    with pytest.raises(RemoteUnavailable):
        await goods.are_sold("503")
    for status in ("403", "503"):
        with pytest.raises(Unavailable):
            await goods.claim_of(status)
