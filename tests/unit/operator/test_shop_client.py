from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from amazonlite_operator.shop.client import Refusal, ServiceTokenSource, ShopClient, Unreachable


class Service:
    """Answers as told; counts the tokens it has handed out."""

    def __init__(self) -> None:
        self.tokens = 0
        self.accepted = "token-1"
        self.status, self.body = 200, {"ok": True}

    async def token(self, request: web.Request) -> web.Response:
        self.tokens += 1
        return web.json_response({"accessToken": f"token-{self.tokens}", "expiresIn": 600})

    async def thing(self, request: web.Request) -> web.Response:
        if request.headers["Authorization"] != f"Bearer {self.accepted}":
            return web.json_response({"code": "token_invalid", "detail": "no"}, status=401)
        return web.json_response(self.body, status=self.status)


@asynccontextmanager
async def calling(service: Service) -> AsyncIterator[ShopClient]:
    app = web.Application()
    app.add_routes([web.post("/api/auth/service-tokens", service.token), web.get("/thing", service.thing)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session:
        yield ShopClient(session, url, ServiceTokenSource(session, url, "operator", "secret"))
    await runner.cleanup()


async def test_one_token_serves_many_calls() -> None:
    service = Service()
    async with calling(service) as client:
        for _ in range(3):
            assert await client.call("GET", "/thing") == {"ok": True}
    assert service.tokens == 1


async def test_a_refused_token_is_replaced_once() -> None:
    service = Service()
    service.accepted = "token-2"
    async with calling(service) as client:
        assert await client.call("GET", "/thing") == {"ok": True}
        service.accepted = "never"
        with pytest.raises(Refusal, match="token_invalid"):
            await client.call("GET", "/thing")
    assert service.tokens == 3


async def test_a_token_without_the_scope_is_replaced_once() -> None:
    service = Service()
    service.status, service.body = 403, {"code": "insufficient_scope"}  # type: ignore[dict-item]
    async with calling(service) as client:
        with pytest.raises(Refusal):
            await client.call("GET", "/thing")
    assert service.tokens == 2


async def test_a_problem_becomes_a_refusal_with_its_code() -> None:
    service = Service()
    service.status, service.body = 409, {"code": "sku_on_sale", "detail": "S is on sale."}  # type: ignore[dict-item]
    async with calling(service) as client:
        with pytest.raises(Refusal) as refused:
            await client.call("GET", "/thing")
    assert (refused.value.status, refused.value.code, refused.value.detail) == (409, "sku_on_sale", "S is on sale.")


async def test_a_refusal_keeps_the_problems_other_members() -> None:
    service = Service()
    service.status, service.body = 409, {"code": "stale_fence", "detail": "seen", "fence": 7}  # type: ignore[dict-item]
    async with calling(service) as client:
        with pytest.raises(Refusal) as refused:
            await client.call("GET", "/thing")
    assert refused.value.members["fence"] == 7


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_may_pass_is_unreachable_not_refused(status: int) -> None:
    service = Service()
    service.status = status
    async with calling(service) as client:
        with pytest.raises(Unreachable):
            await client.call("GET", "/thing")


async def test_an_outage_behind_the_service_is_told_from_its_own() -> None:
    service = Service()
    service.status, service.body = 503, {"code": "service_unavailable", "service": "payment"}  # type: ignore[dict-item]
    async with calling(service) as client:
        with pytest.raises(Unreachable) as behind:
            await client.call("GET", "/thing")
        service.body = {}
        with pytest.raises(Unreachable) as itself:
            await client.call("GET", "/thing")
    assert (behind.value.service, itself.value.service) == ("payment", "")


async def test_nobody_listening_is_unreachable() -> None:
    async with aiohttp.ClientSession() as session:
        tokens = ServiceTokenSource(session, "http://127.0.0.1:1", "operator", "secret")
        with pytest.raises(Unreachable):
            await ShopClient(session, "http://127.0.0.1:1", tokens).call("GET", "/thing")
