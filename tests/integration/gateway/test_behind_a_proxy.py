"""From the chart's trustedProxies to whom the gateway counts, and whom a backend is told of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from amazonlite.common.testing.kube_api import FakeKubeApi
from support.charts import IMAGE, DoesNotRender, environment_of, rendered
from support.gateway_process import gateway, proxy_to

pytestmark = pytest.mark.stores
Route = Callable[..., Awaitable[None]]
ANN, BOB = "198.51.100.1", "198.51.100.2"


def trusted(**values: Any) -> dict[str, str]:
    """What production's chart tells the gateway of the proxies before it."""
    gateway_of = environment_of(rendered("platform", "values-production.yaml", image=IMAGE, **values), "gateway")
    return {"TRUSTED_PROXIES": gateway_of["TRUSTED_PROXIES"]}


class Shoppers:
    """Ask through the proxy; each tells it the address that it would have as its peer."""

    def __init__(self, session: aiohttp.ClientSession, proxy: str) -> None:
        self._session, self._proxy = session, proxy

    async def asks(self, address: str) -> tuple[int, Any]:
        async with self._session.get(f"{self._proxy}/api/echo", headers={"Test-Address": address}) as answer:
            return answer.status, await answer.json(content_type=None)

    async def seen(self, address: str) -> str:
        """What the backend reads as the way that the request came."""
        status, heard = await self.asks(address)
        assert status == 200
        return str(heard["headers"]["x-forwarded-for"])


@pytest.mark.parametrize("networks", ["127.0.0.0/8", "2001:db8::/32, 127.0.0.1/32"])
async def test_behind_the_charts_proxies_the_shopper_is_seen_and_counted(
    kube: FakeKubeApi, redis_url: str, route: Route, networks: str
) -> None:
    await route("/api/echo", rate_limit="1/1m")
    async with (
        gateway(kube, redis_url, **trusted(trustedProxies=networks)) as running,
        proxy_to(running.url("")) as proxy,
        aiohttp.ClientSession() as session,
    ):
        shoppers = Shoppers(session, proxy)
        assert await shoppers.seen(ANN) == f"{ANN}, 127.0.0.1"
        assert (await shoppers.asks(ANN))[0] == 429
        assert await shoppers.seen(BOB) == f"{BOB}, 127.0.0.1"


@pytest.mark.parametrize("values", [{"behindProxy": False}, {"trustedProxies": "192.0.2.0/24"}])
async def test_a_peer_that_the_chart_does_not_name_is_the_client_itself(
    kube: FakeKubeApi, redis_url: str, route: Route, values: dict[str, Any]
) -> None:
    await route("/api/echo", rate_limit="1/1m")
    async with (
        gateway(kube, redis_url, **trusted(**values)) as running,
        proxy_to(running.url("")) as proxy,
        aiohttp.ClientSession() as session,
    ):
        shoppers = Shoppers(session, proxy)
        assert await shoppers.seen(ANN) == "127.0.0.1"
        assert (await shoppers.asks(BOB))[0] == 429


def test_a_chart_behind_a_proxy_does_not_render_without_its_networks() -> None:
    with pytest.raises(DoesNotRender, match="trustedProxies: name the networks"):
        trusted()
