"""Calls between services over real sockets: what is passed on, what is repeated, and what callers get to see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from amazonlite.common.core.context import correlation_id
from amazonlite.common.http.client import RemoteProblem, RemoteUnavailable, ServiceClient
from amazonlite.common.observe.tracing import span
from amazonlite.common.testing.fakes import FakeClock

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Target:
    """A server that answers what the test says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[web.Request] = []
        self.answers: list[Handler | int] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.asked.append(request)
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, int):
            return web.json_response({"code": f"code_{answer}", "detail": "said so", "left": 3}, status=answer)
        return await answer(request)


class FixedTokens:
    def __init__(self) -> None:
        self.forgotten = 0

    async def token(self) -> str:
        return "tok"

    def forget(self) -> None:
        self.forgotten += 1


async def hang(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


@pytest.fixture
async def target() -> AsyncIterator[tuple[Target, str]]:
    target = Target()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", target.handle)
    async with TestServer(app) as server:
        yield target, str(server.make_url(""))


@pytest.fixture
async def client(target: tuple[Target, str]) -> AsyncIterator[ServiceClient]:
    client = ServiceClient(target[1], name="order", timeout=0.2, clock=FakeClock())
    yield client
    await client.close()


async def lacks_scope(_: web.Request) -> web.StreamResponse:
    return web.json_response(
        {"code": "insufficient_scope", "detail": "this needs the scope orders:read-any"}, status=403
    )


async def test_a_token_that_lacks_a_scope_is_replaced_since_rights_may_have_been_granted_meanwhile(
    target: tuple[Target, str],
) -> None:
    tokens = FixedTokens()
    client = ServiceClient(target[1], name="order", clock=FakeClock(), tokens=tokens)
    target[0].answers = [lacks_scope, 403]
    with pytest.raises(RemoteUnavailable):
        await client.get("/orders/1")
    assert tokens.forgotten == 1
    with pytest.raises(RemoteProblem):
        await client.get("/orders/1")
    await client.close()
    assert tokens.forgotten == 1


async def test_the_callers_ids_travel_along(client: ServiceClient, target: tuple[Target, str]) -> None:
    token = correlation_id.set("cor_7")
    with span("caller") as _:
        await client.post("/orders", {"a": 1}, idempotency_key="k1")
    correlation_id.reset(token)
    (asked,) = target[0].asked
    assert await asked.json() == {"a": 1}
    assert asked.headers["X-Correlation-Id"] == "cor_7"
    assert asked.headers["X-API-Version"] == "1"
    assert asked.headers["Idempotency-Key"] == "k1"
    assert asked.headers["traceparent"].startswith("00-")


async def test_a_refusal_carries_what_the_other_said(client: ServiceClient, target: tuple[Target, str]) -> None:
    target[0].answers = [409]
    with pytest.raises(RemoteProblem) as refused:
        await client.get("/orders/1")
    assert (refused.value.status, refused.value.code, refused.value.extra) == (409, "code_409", {"left": 3})
    assert len(target[0].asked) == 1


@pytest.mark.parametrize("trouble", [503, 502, 504, hang, hang_up])
async def test_a_read_is_repeated_once(
    client: ServiceClient, target: tuple[Target, str], trouble: Handler | int
) -> None:
    target[0].answers = [trouble]
    assert (await client.get("/orders/1"))["left"] == 3


@pytest.mark.parametrize("trouble", [503, hang])
async def test_a_command_is_repeated_only_with_a_key(
    client: ServiceClient, target: tuple[Target, str], trouble: Handler | int
) -> None:
    target[0].answers = [trouble]
    with pytest.raises(RemoteUnavailable):
        await client.post("/orders", {})
    assert len(target[0].asked) == 1
    target[0].answers = [trouble]
    await client.post("/orders", {}, idempotency_key="k")
    assert len(target[0].asked) == 3


async def test_a_failure_of_the_other_is_not_repeated(client: ServiceClient, target: tuple[Target, str]) -> None:
    target[0].answers = [500]
    with pytest.raises(RemoteProblem):
        await client.get("/orders/1")
    assert len(target[0].asked) == 1


async def test_a_dead_target_is_left_alone_then_tried_again(target: tuple[Target, str]) -> None:
    clock = FakeClock()
    client = ServiceClient(target[1], name="dead", clock=clock)
    target[0].answers = [503] * 6
    for _ in range(3):
        with pytest.raises(RemoteUnavailable) as refused:
            await client.get("/")
    asked = len(target[0].asked)
    assert asked == 5
    assert refused.value.headers["Retry-After"] == "5"
    with pytest.raises(RemoteUnavailable):
        await client.get("/")
    assert len(target[0].asked) == asked
    clock.advance(5)
    target[0].answers = []
    assert await client.get("/")
    await client.close()


async def test_retries_run_out_while_calls_go_on(client: ServiceClient, target: tuple[Target, str]) -> None:
    for _ in range(30):  # a good call in between keeps the breaker closed
        target[0].answers = [503, 503, 200]
        with pytest.raises(RemoteUnavailable):
            await client.get("/")
        target[0].answers = []
        await client.get("/")
    assert len(target[0].asked) <= 60 + 10 + 6


async def test_a_refused_service_token_is_forgotten(target: tuple[Target, str]) -> None:
    tokens = FixedTokens()
    client = ServiceClient(target[1], name="order", tokens=tokens, clock=FakeClock())
    target[0].answers = [401]
    with pytest.raises(RemoteUnavailable):
        await client.get("/")
    assert tokens.forgotten == 1
    assert target[0].asked[0].headers["Authorization"] == "Bearer tok"
    await client.close()


async def test_answers_without_a_body_are_none(client: ServiceClient, target: tuple[Target, str]) -> None:
    async def nothing(_: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    target[0].answers = [nothing]
    assert await client.post("/orders/1/cancel") is None


async def test_a_target_that_is_not_there_is_unavailable() -> None:
    client = ServiceClient("http://127.0.0.1:1", name="nobody", clock=FakeClock())
    with pytest.raises(RemoteUnavailable) as refused:
        await client.get("/")
    assert refused.value.extra == {"service": "nobody"}
    await client.close()
