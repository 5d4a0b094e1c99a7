"""The shop's internal APIs over HTTP, as far as the operator calls them, in front of the fakes in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from amazonlite_operator.shop.client import Refusal
from amazonlite_operator.shop.inventory import SaleView, Step
from support.fake_inventory import FakeBooks, FakeInventory

TOKEN = "test-token"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FakeShop:
    def __init__(self, stock: dict[str, int]) -> None:
        self.inventory = FakeInventory(stock)
        self.books = FakeBooks(self.inventory)

    def app(self) -> web.Application:
        app = web.Application(middlewares=[_problems])
        sale = "/internal/flash-sales/{id}"
        app.add_routes(
            [
                web.post("/api/auth/service-tokens", self._token),
                web.get(sale, self._view),
                web.put(sale, self._allocate),
                web.delete(sale, self._delete),
                web.post(f"{sale}/state", self._state),
                web.post(f"{sale}/admission", self._admission),
                web.post(f"{sale}/settle", self._settle),
                web.get("/internal/orders", self._orders),
                web.post("/internal/payments/summary", self._payments),
            ]
        )
        return app

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        runner = web.AppRunner(self.app())
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _token(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert body == {"clientId": "operator", "clientSecret": "secret"}
        return web.json_response({"accessToken": TOKEN, "expiresIn": 600})

    async def _view(self, request: web.Request) -> web.Response:
        view = await self.inventory.view(request.match_info["id"])
        if view is None:
            raise Refusal(404, "sale_not_found", "there is no such sale")
        return web.json_response(_body(view))

    async def _allocate(self, request: web.Request) -> web.Response:
        await self.inventory.allocate(request.match_info["id"], await request.json(), _step(request))
        return await self._view(request)

    async def _state(self, request: web.Request) -> web.Response:
        await self.inventory.set_state(request.match_info["id"], (await request.json())["state"], _step(request))
        return await self._view(request)

    async def _admission(self, request: web.Request) -> web.Response:
        body = await request.json()
        sale_id, step = request.match_info["id"], _step(request)
        await self.inventory.set_admission(sale_id, body["maxActive"], body["ratePerSecond"], step)
        return await self._view(request)

    async def _settle(self, request: web.Request) -> web.Response:
        return web.json_response(await self.inventory.settle(request.match_info["id"], _step(request)))

    async def _delete(self, request: web.Request) -> web.Response:
        await self.inventory.delete(request.match_info["id"], _step(request))
        return await self._view(request)

    async def _orders(self, request: web.Request) -> web.Response:
        books = await self.books.books(request.query["saleId"])
        units = {"CONFIRMED": books.units_ordered}
        return web.json_response({"saleId": request.query["saleId"], "byState": dict(units), "units": units})

    async def _payments(self, request: web.Request) -> web.Response:
        books = await self.books.books((await request.json())["saleId"])
        return web.json_response(
            {"byState": {"CAPTURED": {"count": 1, "amount": {"amount": books.amount_paid, "currency": "EUR"}}}}
        )


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path != "/api/auth/service-tokens":
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    try:
        return await handler(request)
    except Refusal as refusal:
        return web.json_response({"code": refusal.code, "detail": refusal.detail}, status=refusal.status)


def _step(request: web.Request) -> Step:
    return Step(request.headers["Idempotency-Key"], int(request.headers["X-Fencing-Token"]))


def _body(view: SaleView) -> dict[str, Any]:
    return {
        "id": view.id,
        "state": view.state,
        "stock": view.stock.model_dump(),
        "oversold": view.oversold,
        "conserved": view.conserved,
        "oldestOverdueHoldSeconds": 0,
        "queue": {"waiting": 0, "active": 0, "admitted": 0, "rejected": 0},
    }
