"""The gateway as it runs: a process on sockets, and an ingress before it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from os import environ

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from amazonlite.common.testing.eventually import eventually
from amazonlite.common.testing.kube_api import FakeKubeApi
from support.ports import free_port

CHAIN = "X-Forwarded-For"


@dataclass
class Running:
    port: int
    internal: int

    def url(self, path: str, *, internal: bool = False) -> str:
        return f"http://127.0.0.1:{self.internal if internal else self.port}{path}"


@asynccontextmanager
async def gateway(kube: FakeKubeApi, redis_url: str, **more: str) -> AsyncIterator[Running]:
    running = Running(free_port(), free_port())
    environment = {
        **environ,
        "PORT": str(running.port),
        "INTERNAL_PORT": str(running.internal),
        "REDIS_URL": redis_url,
        "KUBE_API_URL": kube.url,
        "AUTH_URL": kube.url,
        "LOG_LEVEL": "warning",
        **more,
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "amazonlite.gateway", env=environment)
    try:
        async with aiohttp.ClientSession() as session:

            async def ready() -> bool:
                try:
                    async with session.get(running.url("/readyz", internal=True)) as answer:
                        return answer.status == 200
                except aiohttp.ClientConnectionError:
                    return False

            await eventually(ready, within=60, every=0.1, what="a gateway that is ready")
        yield running
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def proxy_to(url: str) -> AsyncIterator[str]:
    """What an ingress does: appends its peer, here the address that the client claims to have, to X-Forwarded-For."""

    async def passed_on(request: web.Request) -> web.Response:
        chain = [request.headers.get(CHAIN, ""), request.headers["Test-Address"]]
        headers = {CHAIN: ", ".join(part for part in chain if part)}
        async with aiohttp.ClientSession() as session, session.get(url + request.path, headers=headers) as answer:
            return web.Response(status=answer.status, body=await answer.read())

    app = web.Application()
    app.router.add_get("/{path:.*}", passed_on)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")
