import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from amazonlite.common.testing.eventually import eventually
from amazonlite.common.testing.fakes import FakeClock
from amazonlite.common.testing.kube_api import FakeKubeApi, http_route, rule
from amazonlite.gateway.domain import RouteNotFound
from amazonlite.gateway.kube import ApiAway, KubeApi, Watcher
from amazonlite.gateway.routebook import RouteBook, StatusWriter

PATH = "/apis/gateway.networking.k8s.io/v1/namespaces/amazonlite/httproutes"
Sleep = Callable[[float], Awaitable[None]]


class World:
    """A watcher and a status writer at work on a fake API server; pauses are noted and take no time."""

    def __init__(self, api: FakeKubeApi) -> None:
        self.api, self.book, self.pauses = api, RouteBook("amazonlite"), list[float]()
        self.client = KubeApi(api.url)
        self.watcher = Watcher(self.client, PATH, self.book.replace, sleep=self._sleep)
        self.statuses = StatusWriter(self.client, PATH, self.book, "amazonlite", FakeClock())

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    def serves(self, path: str) -> str:
        try:
            return self.book.table.find(path, "GET", ()).backends[0].host
        except RouteNotFound:
            return ""

    async def sees(self, path: str, host: str) -> None:
        await eventually(lambda: self.serves(path) == host, every=0.005)

    def lists(self) -> int:
        return sum("watch" not in request for request in self.api.requests if not request.startswith("PATCH"))


@asynccontextmanager
async def watching(api: FakeKubeApi) -> AsyncIterator[World]:
    world = World(api)
    tasks = [asyncio.create_task(world.watcher.run()), asyncio.create_task(world.statuses.run())]
    try:
        await world.watcher.listed.wait()
        yield world
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await world.client.close()


@pytest.fixture
async def api() -> AsyncIterator[FakeKubeApi]:
    async with FakeKubeApi() as api:
        await api.put(http_route("a", rule("/api/a", ("a", 8000, 1))))
        yield api


async def test_routes_follow_what_is_added_changed_and_deleted(api: FakeKubeApi) -> None:
    async with watching(api) as world:
        assert world.serves("/api/a") == "a"
        await api.put(http_route("b", rule("/api/b", ("b", 8000, 1))))
        await world.sees("/api/b", "b")
        await api.put(http_route("b", rule("/api/b", ("b2", 8000, 1))))
        await world.sees("/api/b", "b2")
        await api.remove("b")
        await world.sees("/api/b", "")
        assert world.lists() == 1


async def test_a_broken_watch_goes_on_from_where_it_was(api: FakeKubeApi) -> None:
    async with watching(api) as world:
        await api.break_watches()
        await api.put(http_route("b", rule("/api/b", ("b", 8000, 1))))
        await world.sees("/api/b", "b")
        assert world.lists() == 1


async def test_a_version_too_old_means_listing_again(api: FakeKubeApi) -> None:
    async with watching(api) as world:
        await world.sees("/api/a", "a")
        await api.put(http_route("b", rule("/api/b", ("b", 8000, 1))))
        await world.sees("/api/b", "b")
        await api.compact()
        await eventually(lambda: world.lists() == 2, every=0.005)
        await api.put(http_route("c", rule("/api/c", ("c", 8000, 1))))
        await world.sees("/api/c", "c")


async def test_a_bookmark_moves_the_version_that_the_next_watch_starts_from(api: FakeKubeApi) -> None:
    async with watching(api), asyncio.timeout(10):
        version = await api.bookmark()
        while not any(f"resourceVersion={version}&" in request for request in api.requests):
            await api.break_watches()
            await asyncio.sleep(0)


async def test_without_the_api_server_the_known_routes_stay(api: FakeKubeApi) -> None:
    async with watching(api) as world:
        await api.stop()
        await eventually(lambda: len(world.pauses) >= 3, every=0.005)
        assert world.serves("/api/a") == "a"
        assert world.pauses[2] > world.pauses[0] * 0.9


@pytest.mark.parametrize("answer", [(500, "no"), (403, "{}"), (200, "not json"), (200, '{"items": 1}')])
async def test_a_strange_api_server_is_one_that_is_away(answer: tuple[int, str]) -> None:
    async def strange(_: web.Request) -> web.Response:
        return web.Response(status=answer[0], text=answer[1])

    app = web.Application()
    app.router.add_get(PATH, strange)
    async with TestServer(app) as server:
        client = KubeApi(str(server.make_url("")))
        with pytest.raises(ApiAway):
            await client.list(PATH)
        await client.close()


async def test_the_status_says_accepted_once(api: FakeKubeApi) -> None:
    async with watching(api) as world:
        await eventually(lambda: api.patches, every=0.005)
        await api.put(http_route("b", rule("/api/b", ("b", 8000, 1))))
        await eventually(lambda: len(api.patches) == 2, every=0.005)
        [parent] = api.items["a"]["status"]["parents"]
        assert parent["parentRef"] == {"name": "amazonlite"}
        assert parent["controllerName"] == "amazonlite.dev/gateway"
        accepted, resolved = parent["conditions"]
        assert (accepted["type"], accepted["status"], accepted["observedGeneration"]) == ("Accepted", "True", 1)
        assert (resolved["type"], resolved["status"]) == ("ResolvedRefs", "True")
        await world.sees("/api/b", "b")
        assert [name for name, _ in api.patches] == ["a", "b"]


async def test_a_refused_route_is_not_served_and_its_status_says_why(api: FakeKubeApi) -> None:
    async with watching(api) as world:
        await api.put(http_route("a", rule("/api/a", ("a", 8000, 1)), rate_limit="lots"))
        await world.sees("/api/a", "")
        await eventually(lambda: len(api.patches) >= 2, every=0.005)
        accepted = api.items["a"]["status"]["parents"][0]["conditions"][0]
        assert (accepted["status"], accepted["reason"]) == ("False", "UnsupportedValue")
        assert "200/1s" in accepted["message"]


async def test_a_route_of_another_gateway_is_left_alone(api: FakeKubeApi) -> None:
    async with watching(api) as world:
        await api.put(http_route("other", rule("/api/other", ("o", 1, 1)), gateway="other"))
        await api.put(http_route("b", rule("/api/b", ("b", 8000, 1))))
        await world.sees("/api/b", "b")
        assert world.serves("/api/other") == ""
        await eventually(lambda: {name for name, _ in api.patches} == {"a", "b"}, every=0.005)
        assert "status" not in api.items["other"]


async def test_entries_of_other_controllers_stay(api: FakeKubeApi) -> None:
    theirs = {"parentRef": {"name": "mesh"}, "controllerName": "mesh.dev/x", "conditions": []}
    await api.put({**http_route("m", rule("/api/m", ("m", 1, 1))), "status": {"parents": [theirs]}})
    async with watching(api):
        await eventually(lambda: len(api.items["m"]["status"]["parents"]) == 2, every=0.005)
        assert api.items["m"]["status"]["parents"][0] == theirs
