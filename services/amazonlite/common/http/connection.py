"""A connection that says nothing, or says it too slowly, is closed; and no more are held than memory is there for."""

from __future__ import annotations

import asyncio
from typing import Any

from prometheus_client import Counter
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_CONNECTIONS = 4096  # about 15 KiB each
HEAD_SECONDS = 10.0
_WATCHING = frozenset({b"/healthz", b"/readyz", b"/metrics"})
CLOSED = Counter("http_connections_closed_total", "Connections closed by the server before a request", ["why"])


class BoundedProtocol(HttpToolsProtocol):
    """Uvicorn's connection, with a time limit for a request's head: from the opening, or from the first byte after an
    answer. (Between requests uvicorn's own keep-alive limit holds.) Connections to `spared_port`, where probes ask, are
    taken even when there are MOST_CONNECTIONS. `last_comer` is the loop's time when a connection last sent its first
    request; probes and scrapes do not count.
    """

    spared_port = 0
    last_comer = float("-inf")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None
        self._came = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        port = self.server[1] if self.server else None
        if len(self.connections) > MOST_CONNECTIONS and port != self.spared_port:
            self._close("too_many")
        else:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._close, "slow_head")

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._close, "slow_head")

    def on_headers_complete(self) -> None:
        self._head_came()
        if not self._came and self.url not in _WATCHING:
            type(self).last_comer = self.loop.time()
            self._came = True
        super().on_headers_complete()

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _close(self, why: str) -> None:
        CLOSED.labels(why).inc()
        self.transport.abort()


def sparing(port: int) -> type[BoundedProtocol]:
    return type("Sparing", (BoundedProtocol,), {"spared_port": port})
