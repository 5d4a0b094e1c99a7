"""A service ends in order: its tasks, then all that it opened, the last one first."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import APIRouter, Request

from amazonlite.common.service.service import Service
from amazonlite.common.testing.asgi import asgi_client
from amazonlite.common.testing.eventually import eventually


class Resource:
    """Notes when it is closed; one that is `broken` fails to close."""

    def __init__(self, name: str, ended: list[str], *, broken: bool = False) -> None:
        self._name, self._ended, self._broken = name, ended, broken

    async def close(self) -> None:
        self._ended.append(self._name)
        if self._broken:
            raise OSError(self._name)


class Thread(Resource):
    """Closes without waiting for anything."""

    def close(self) -> None:  # type: ignore[override]
        self._ended.append(self._name)


async def test_tasks_end_before_anything_is_closed_and_the_last_opened_is_closed_first() -> None:
    ended: list[str] = []
    running = asyncio.Event()
    service = Service("probe")
    service.opened(Resource("engine", ended))
    service.opened(Thread("thread", ended))
    service.opened(Resource("producer", ended))

    async def relay() -> None:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("relay")

    service.background(relay)
    async with asgi_client(service.app()):
        await eventually(running.is_set)
        assert ended == []
    assert ended == ["relay", "producer", "thread", "engine"]


async def test_what_fails_to_close_keeps_nothing_else_open() -> None:
    ended: list[str] = []
    service = Service("probe")
    service.opened(Resource("engine", ended))
    service.opened(Resource("producer", ended, broken=True))
    with pytest.raises(OSError, match="producer"):
        async with asgi_client(service.app()):
            pass
    assert ended == ["producer", "engine"]


async def test_a_failing_check_is_named_and_routes_find_their_parts() -> None:
    routes = APIRouter()

    @routes.get("/greeting")
    async def greeting(request: Request) -> str:
        found: str = request.app.state.greeting
        return found

    async def away() -> None:
        raise ConnectionRefusedError

    service = Service("probe")
    service.ready_when(store=away)
    async with asgi_client(service.app(routes, greeting="hello")) as client:
        assert (await client.get("/greeting")).json() == "hello"
        ready = await client.get("/readyz")
    assert (ready.status, ready.json()["failing"]) == (503, {"store": "ConnectionRefusedError"})
