from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from amazonlite_cli.catalogue.loader import ATTEMPTS, MOST_BYTES, MOST_PRODUCTS, Loaded, Loader, LoadRefused, batches
from amazonlite_cli.catalogue.source import SAMPLE, Entry, read_catalogue
from amazonlite_cli.seed import seed_catalogue


class Tokens:
    forgotten = 0

    async def token(self) -> str:
        return f"token-{self.forgotten}"

    def forget(self) -> None:
        self.forgotten += 1


class Shop:
    """Keeps what it is sent, and answers the next requests with the statuses in `failures`."""

    def __init__(self) -> None:
        self.products: dict[str, Any] = {}
        self.stock: dict[str, int] = {}
        self.failures: list[int] = []
        self.headers: list[Any] = []
        app = web.Application()
        app.router.add_post("/api/products:bulk", self._products)
        app.router.add_post("/api/inventory:bulk", self._inventory)
        self.server = TestServer(app)

    @property
    def url(self) -> str:
        return str(self.server.make_url(""))

    async def _products(self, request: web.Request) -> web.Response:
        self.headers.append(request.headers)
        if self.failures:
            return web.json_response({"code": "no"}, status=self.failures.pop(0), headers={"Retry-After": "7"})
        sent = {product["sku"]: product for product in await request.json()}
        created = len(sent.keys() - self.products.keys())
        self.products |= sent
        return web.json_response({"created": created, "updated": 0, "unchanged": len(sent) - created})

    async def _inventory(self, request: web.Request) -> web.Response:
        self.stock |= {line["sku"]: line["onHand"] for line in await request.json()}
        return web.json_response({})


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    shop = Shop()
    await shop.server.start_server()
    yield shop
    await shop.server.close()


async def load(url: str, pauses: list[float], tokens: Tokens | None = None) -> Loaded:
    """Waiting takes no time here; what was waited for is noted in `pauses`."""

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async with aiohttp.ClientSession() as session:
        return await Loader(session, url, tokens or Tokens(), sleep=sleep).load(read_catalogue(SAMPLE), lambda *_: None)


async def test_everything_is_loaded_and_again_changes_nothing(shop: Shop) -> None:
    seen: list[tuple[int, int]] = []
    first = await seed_catalogue(shop.url, Tokens(), SAMPLE, lambda done, total: seen.append((done, total)))
    again = await seed_catalogue(shop.url, Tokens(), SAMPLE, lambda *_: None)
    assert (first.created, again.created, again.unchanged) == (60, 0, 60)
    assert seen == [(0, 60), (60, 60)]
    assert shop.stock == {entry.product["sku"]: entry.on_hand for entry in read_catalogue(SAMPLE)}
    assert shop.headers[0]["X-API-Version"] == "1"


async def test_a_passing_refusal_is_waited_out(shop: Shop) -> None:
    pauses: list[float] = []
    shop.failures = [429, 503]
    assert (await load(shop.url, pauses)).total == 60
    assert pauses == [7.0, 7.0]


async def test_an_expired_token_is_renewed(shop: Shop) -> None:
    shop.failures = [401]
    await load(shop.url, [])
    assert [headers["Authorization"] for headers in shop.headers] == ["Bearer token-0", "Bearer token-1"]


async def test_a_lasting_refusal_ends_the_load_and_says_so(shop: Shop) -> None:
    pauses: list[float] = []
    shop.failures = [422]
    with pytest.raises(LoadRefused, match="422"):
        await load(shop.url, pauses)
    assert pauses == []


async def test_a_shop_that_stays_away_ends_the_load() -> None:
    pauses: list[float] = []
    with pytest.raises(LoadRefused, match="nothing"):
        await load("http://127.0.0.1:9", pauses)
    assert len(pauses) == ATTEMPTS


def test_batches_keep_to_the_number_and_the_size_that_services_take() -> None:
    small = [Entry({"sku": f"S{n}"}, 1) for n in range(1100)]
    assert [batch.size for batch in batches(small)] == [500, 500, 100]
    large = [Entry({"sku": f"L{n}", "description": "x" * 8000}, 1) for n in range(300)]
    assert all(len(batch.products) <= MOST_BYTES and batch.size <= MOST_PRODUCTS for batch in batches(large))
    assert sum(batch.size for batch in batches(large)) == 300


async def test_a_path_that_is_no_catalogue_sends_nothing(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="cannot be read"):
        await seed_catalogue(shop.url, Tokens(), tmp_path / "none", lambda *_: None)
    assert shop.products == {}
