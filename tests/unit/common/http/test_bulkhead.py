"""Shoppers' requests take turns; calls between services do not wait for them."""

from __future__ import annotations

import asyncio
from typing import Any

from amazonlite.common.http import bulkhead
from amazonlite.common.http.bulkhead import WAITING, Bulkhead
from amazonlite.common.testing.eventually import eventually

GATEWAY = (b"x-forwarded-for", b"192.0.2.1")


class Work:
    """An application whose requests end when they are told to."""

    def __init__(self) -> None:
        self.entered: list[str] = []
        self.go = asyncio.Event()

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        self.entered.append(scope["path"])
        await self.go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})


async def call(app: Bulkhead, path: str, *headers: tuple[bytes, bytes]) -> int:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    await app({"type": "http", "path": path, "method": "GET", "headers": list(headers)}, receive, send)
    return int(sent[0]["status"])


async def test_shoppers_are_served_in_their_order_and_few_at_once() -> None:
    work = Work()
    app = Bulkhead(work, at_once=2)
    calls = [asyncio.create_task(call(app, f"/{number}", GATEWAY)) for number in range(5)]
    await eventually(lambda: len(work.entered) == 2)
    work.go.set()
    assert await asyncio.gather(*calls) == [200] * 5
    assert work.entered == [f"/{number}" for number in range(5)]


async def test_a_call_of_another_service_does_not_wait_for_shoppers() -> None:
    work = Work()
    app = Bulkhead(work, at_once=1)
    calls = [asyncio.create_task(call(app, "/shopper", GATEWAY)), asyncio.create_task(call(app, "/service"))]
    await eventually(lambda: sorted(work.entered) == ["/service", "/shopper"])
    work.go.set()
    assert await asyncio.gather(*calls) == [200, 200]


async def test_one_too_many_is_refused_and_one_that_went_away_leaves_its_place(monkeypatch: Any) -> None:
    monkeypatch.setattr(bulkhead, "MOST_WAITING", 1)
    work = Work()
    app = Bulkhead(work, at_once=1)
    first = asyncio.create_task(call(app, "/first", GATEWAY))
    await eventually(lambda: bool(work.entered))
    second = asyncio.create_task(call(app, "/second", GATEWAY))
    await eventually(lambda: WAITING._value.get() == 1)
    assert await call(app, "/third", GATEWAY) == 503
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    fourth = asyncio.create_task(call(app, "/fourth", GATEWAY))
    work.go.set()
    assert await asyncio.gather(first, fourth) == [200, 200]
    assert work.entered == ["/first", "/fourth"]
