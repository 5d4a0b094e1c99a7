"""The shop's internal APIs over HTTP, as far as the operator calls them, in front of the fakes in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from amazonlite_operator.shop.client import Refusal, Step, Unreachable
from support.fake_inventory import FakeBooks, FakeInventory

TOKEN = "test-token"
PUBLIC = "/api/auth/service-tokens"
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
                web.post(PUBLIC, self._token),
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
        sale_id = request.match_info["id"]
        if await self.inventory.view(sale_id) is None:
            raise Refusal(404, "sale_not_found", f"There is no sale {sale_id}.")
        return web.json_response(self.inventory.sales[sale_id].body())

    async def _allocate(self, request: web.Request) -> web.Response:
        body = await request.json()
        _valid(isinstance(body.get("quantity"), int) and body["quantity"] >= 1)
        await self.inventory.allocate(request.match_info["id"], body, _step(request))
        return await self._view(request)

    async def _state(self, request: web.Request) -> web.Response:
        state = (await request.json()).get("state")
        _valid(state in ("QUEUEING", "LIVE", "PAUSED", "DRAINING", "ABORTED"))
        await self.inventory.set_state(request.match_info["id"], state, _step(request))
        return await self._view(request)

    async def _admission(self, request: web.Request) -> web.Response:
        body = await request.json()
        _valid(body["maxActive"] >= 1 and body["ratePerSecond"] > 0)
        sale_id, step = request.match_info["id"], _step(request)
        await self.inventory.set_admission(sale_id, body["maxActive"], body["ratePerSecond"], step)
        return await self._view(request)

    async def _settle(self, request: web.Request) -> web.Response:
        return web.json_response(await self.inventory.settle(request.match_info["id"], _step(request)))

    async def _delete(self, request: web.Request) -> web.Response:
        await self.inventory.delete(request.match_info["id"], _step(request))
        return await self._view(request)

    async def _orders(self, request: web.Request) -> web.Response:
        _valid("saleId" in request.query)
        return web.json_response(self.books.orders(request.query["saleId"]))

    async def _payments(self, request: web.Request) -> web.Response:
        body = await request.json()
        _valid("saleId" in body)
        return web.json_response(self.books.payments(body["saleId"]))


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        if request.path != PUBLIC and request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise Refusal(401, "token_missing", "there is no token")
        return await handler(request)
    except Refusal as refusal:
        return _problem(request, refusal.status, refusal.code, refusal.detail, **refusal.members)
    except Unreachable as unreachable:
        behind = {"service": unreachable.service} if unreachable.service else {}
        return _problem(request, 503, "service_unavailable", str(unreachable), **behind)


def _problem(request: web.Request, status: int, code: str, detail: str, **more: Any) -> web.Response:
    body = {"type": f"https://amazonlite.dev/problems/{code}", "title": code, "status": status, "detail": detail}
    return web.json_response(
        {**body, "instance": request.path, "code": code, "correlationId": "test", **more},
        status=status,
        content_type="application/problem+json",
    )


def _valid(holds: bool) -> None:
    if not holds:
        raise Refusal(422, "invalid_request", "the request is not as documented")


def _step(request: web.Request) -> Step:
    key, fence = request.headers.get("Idempotency-Key", ""), request.headers.get("X-Fencing-Token", "")
    _valid(bool(key) and fence.isdigit())
    return Step(key, int(fence))
