"""The gateway as it runs: a process on sockets, behind a proxy on a socket, with clients that stop talking."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from amazonlite.common.testing.kube_api import FakeKubeApi
from support.gateway_process import CHAIN, gateway, proxy_to

pytestmark = pytest.mark.stores
Route = Callable[..., Awaitable[None]]


async def test_behind_a_proxy_each_client_has_its_own_limit_and_cannot_choose_another(
    kube: FakeKubeApi, redis_url: str, route: Route
) -> None:
    await route("/api/echo", rate_limit="1/1m")
    async with (
        gateway(kube, redis_url, TRUSTED_PROXIES="127.0.0.0/8") as running,
        proxy_to(running.url("")) as proxy,
        aiohttp.ClientSession() as session,
    ):

        async def status(address: str, **headers: str) -> int:
            async with session.get(f"{proxy}/api/echo", headers={"Test-Address": address, **headers}) as answer:
                return answer.status

        assert [await status("198.51.100.1"), await status("198.51.100.1"), await status("198.51.100.2")] == [
            *(200, 429, 200)
        ]
        assert await status("198.51.100.1", **{CHAIN: "198.51.100.77"}) == 429
        assert [await status("2001:db8::1"), await status("2001:db8::ffff:1")] == [200, 429]


async def test_metrics_are_told_inside_only(kube: FakeKubeApi, redis_url: str, route: Route) -> None:
    await route("/api/echo")
    async with gateway(kube, redis_url) as running, aiohttp.ClientSession() as session:
        async with session.get(running.url("/metrics")) as outside:
            assert (outside.status, (await outside.json())["code"]) == (404, "route_not_found")
        async with session.get(running.url("/metrics", internal=True)) as inside:
            assert "# HELP" in await inside.text()
        async with session.get(running.url("/healthz")) as healthy:
            assert healthy.status == 200


async def test_a_client_that_stops_in_its_body_gets_408_after_the_routes_time(
    kube: FakeKubeApi, redis_url: str, route: Route, echo: object
) -> None:
    await route("/api/echo", request_timeout="300ms")
    async with gateway(kube, redis_url) as running:
        for sent in (b"", b'{"half": '):
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(b"POST /api/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 20\r\n\r\n" + sent)
            async with asyncio.timeout(5):
                assert (await reader.readline()).startswith(b"HTTP/1.1 408")
            writer.close()
