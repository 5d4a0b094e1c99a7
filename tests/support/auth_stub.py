"""An auth service of a test's own, for services that run as processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from amazonlite.common.security.keys import public_jwk
from amazonlite.common.testing.fakes import TEST_KEY
from support.ports import free_port


@asynccontextmanager
async def auth_stub(*routes: web.RouteDef) -> AsyncIterator[str]:
    """Its address: it publishes the key that tests sign with, and answers `routes` too."""

    async def jwks(_: web.Request) -> web.Response:
        return web.json_response({"keys": [public_jwk(TEST_KEY.kid, TEST_KEY.private.public_key())]})

    app = web.Application()
    app.add_routes([web.get("/api/auth/.well-known/jwks.json", jwks), *routes])
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
