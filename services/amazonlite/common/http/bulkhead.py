"""Limits how many requests of shoppers a service works on at once, so that events and sweeps have their share."""

from __future__ import annotations

import asyncio

from prometheus_client import Counter, Gauge
from starlette.types import ASGIApp, Receive, Scope, Send

from amazonlite.common.http.problems import problem_response

MOST_WAITING = 1000
LONGEST_WAIT = 8.0  # seconds; the gateway gives up after 10, and work for nobody would keep others waiting
WAITING = Gauge("shopper_requests_waiting", "Requests from the gateway that wait until fewer are worked on")
REFUSED = Counter("shopper_requests_refused_total", "Requests from the gateway that were refused because too many wait")


class Bulkhead:
    """Works on at most `at_once` requests from the gateway at a time, in the order they came.

    `MOST_WAITING` more wait for `LONGEST_WAIT` seconds, and the rest are refused with 503 `too_busy`. What the event
    loop has left goes to consumers, the relay and sweeps: measured with 200 requests at once, an event waited up to
    14 s. Calls between services pass, because requests of another service, which may be waited for here, wait for them.
    """

    def __init__(self, app: ASGIApp, *, at_once: int) -> None:
        self._app = app
        self._places = asyncio.Semaphore(at_once)
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _from_gateway(scope):
            await self._app(scope, receive, send)
        elif not await self._got_place():
            REFUSED.inc()
            await _too_busy(scope["path"])(scope, receive, send)
        else:
            try:
                await self._app(scope, receive, send)
            finally:
                self._places.release()

    async def _got_place(self) -> bool:
        if self._waiting >= MOST_WAITING:
            return False
        self._waiting += 1
        WAITING.set(self._waiting)
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                return await self._places.acquire()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
            WAITING.set(self._waiting)


def _from_gateway(scope: Scope) -> bool:
    """The gateway says whom it speaks for; services among themselves do not. A provider's webhook never waits."""
    return "/webhooks/" not in scope["path"] and any(name == b"x-forwarded-for" for name, _ in scope["headers"])


def _too_busy(path: str) -> ASGIApp:
    return problem_response(
        code="too_busy",
        status=503,
        title="Too busy",
        detail="more requests are waiting than can be answered in time; nothing was done",
        instance=path,
        headers={"Retry-After": "1"},
        next_step="Send the same request again.",
    )
