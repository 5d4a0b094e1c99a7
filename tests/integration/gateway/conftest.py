import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from amazonlite.common.core.settings import RedisSettings
from amazonlite.common.security.keys import public_jwk
from amazonlite.common.testing.asgi import AsgiClient, asgi_client
from amazonlite.common.testing.eventually import eventually
from amazonlite.common.testing.fakes import TEST_KEY
from amazonlite.common.testing.kube_api import FakeKubeApi, http_route, rule
from amazonlite.gateway.app import create
from amazonlite.gateway.settings import Settings

Route = Callable[..., Awaitable[None]]
JWKS = {"keys": [public_jwk(TEST_KEY.kid, TEST_KEY.private.public_key())]}


class Echo:
    """A backend that answers what it was asked; /slow waits until released, /stream sends chunks, /teapot refuses,
    /drop breaks the connection."""

    def __init__(self) -> None:
        self.asked = 0
        self.release = asyncio.Event()
        app = web.Application(client_max_size=4 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self.server = TestServer(app)

    @property
    def port(self) -> int:
        assert self.server.port is not None
        return self.server.port

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if request.path.endswith("/slow"):
            await self.release.wait()
        if request.path.endswith("/drop") and request.transport is not None:
            request.transport.abort()
        if request.path.endswith("/teapot"):
            return web.json_response({"code": "teapot"}, status=418, content_type="application/problem+json")
        if request.path.endswith("/stream"):
            return await self._stream(request)
        heard: Mapping[str, Any] = {
            "method": request.method,
            "path": request.raw_path,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": (await request.read()).decode(),
        }
        return web.json_response(heard, headers={"X-Correlation-Id": "the-backends-own", "ETag": '"1"'})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(50):
            await response.write(b"x" * 100_000)
        return response


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    echo = Echo()
    await echo.server.start_server()
    yield echo
    echo.release.set()
    await echo.server.close()


@pytest.fixture
async def kube() -> AsyncIterator[FakeKubeApi]:
    async with FakeKubeApi({"/api/auth/.well-known/jwks.json": JWKS}) as api:
        yield api


@pytest.fixture
async def gateway_with(kube: FakeKubeApi, redis_url: str) -> AsyncIterator[Callable[..., Awaitable[AsgiClient]]]:
    """`await gateway_with(redis_url=…)`: a started gateway that has its routes."""
    async with AsyncExitStack() as stack:

        async def start(**overrides: Any) -> AsgiClient:
            redis = RedisSettings(url=overrides.pop("redis_url", redis_url))
            app = create(Settings(redis=redis, auth_url=kube.url, kube_api_url=kube.url, **overrides))
            client = await stack.enter_async_context(asgi_client(app))
            await eventually(lambda: set(app.state.book.verdicts) == set(kube.items), every=0.005)
            return client

        yield start


@pytest.fixture
async def route(kube: FakeKubeApi, echo: Echo) -> Route:
    """`await route("/api/a", auth="required")`: a route to the echo backend, or to another port."""

    async def add(path: str, *, port: int = 0, request_timeout: str = "", **annotations: str) -> None:
        more: dict[str, Any] = {"timeouts": {"request": request_timeout}} if request_timeout else {}
        name = path.strip("/").replace("/", "-")
        await kube.put(http_route(name, rule(path, ("127.0.0.1", port or echo.port, 1), **more), **annotations))

    return add


@pytest.fixture
async def gateway(gateway_with: Callable[..., Awaitable[AsgiClient]], route: Route) -> AsgiClient:
    """A gateway that serves /api/echo without a limit and /api/private to known clients only."""
    await route("/api/echo")
    await route("/api/private", auth="required")
    return await gateway_with()
