"""Shoppers' requests never take all of a service: what was promised to earlier ones is worked on beside them."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from amazonlite.common.http.problems import problem_response

MOST_WAITING = 1000


class Bulkhead:
    """At most `at_once` requests from the gateway are worked on at a time, in the order they came.

    `MOST_WAITING` more wait, and the rest are refused with 503 `too_busy`. In a rush this leaves the event loop to
    consumers, the relay and sweeps: with 200 requests at once, an event waited for its turn behind all of them. Calls
    between services pass, because requests of another service, which may be waited for here, wait for them.
    """

    def __init__(self, app: ASGIApp, *, at_once: int) -> None:
        self._app = app
        self._places = asyncio.Semaphore(at_once)
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _from_gateway(scope):
            await self._app(scope, receive, send)
        elif self._waiting >= MOST_WAITING:
            await _too_busy(scope["path"])(scope, receive, send)
        else:
            await self._wait_for_place()
            try:
                await self._app(scope, receive, send)
            finally:
                self._places.release()

    async def _wait_for_place(self) -> None:
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1


def _from_gateway(scope: Scope) -> bool:
    """The gateway says whom it speaks for; services among themselves do not."""
    return any(name == b"x-forwarded-for" for name, _ in scope["headers"])


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
