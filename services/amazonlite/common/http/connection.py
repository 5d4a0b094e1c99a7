"""A connection that says nothing, or says it too slowly, is closed; and no more are held than memory is there for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from prometheus_client import Counter
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from amazonlite.common.http.connection_shares import Shares
from amazonlite.common.http.middleware import QUIET
from amazonlite.common.http.network import IPNetwork, lies_in, network_of, site_of

MOST_CONNECTIONS = 4096  # about 15 KiB each
MOST_OF_A_NETWORK = MOST_CONNECTIONS // 4  # an office or a school behind one address; clients of ours open 512
HEAD_SECONDS = 10.0
_WATCHING = frozenset(path.encode() for path in QUIET)
CLOSED = Counter("http_connections_closed_total", "Connections closed by the server before a request", ["why"])


class BoundedProtocol(HttpToolsProtocol):
    """Uvicorn's connection, with a time limit for a request's head: from the opening, or from the first byte after an
    answer. (Between requests uvicorn's own keep-alive limit holds.)

    `shares` says how many there may be. Connections to `spared_port`, where probes ask, are taken even beyond, and one
    network may have more than its share where it is in `proxies`. `last_comer` is the loop's time when a connection
    last sent its first request; probes and scrapes do not count.
    """

    shares = Shares(most=MOST_CONNECTIONS, most_each=MOST_OF_A_NETWORK)
    spared_port = 0
    proxies: Sequence[IPNetwork] = ()
    last_comer = float("-inf")
    network = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None
        self._came = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._admitted():
            self._expect_head()
        else:
            self._close("too_many")

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        self.shares.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.timeout_keep_alive_task is not None:  # uvicorn's limit ends here, whether or not a request begins
            self._expect_head()
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        self._head_came()
        if not self._came and self.url not in _WATCHING:
            type(self).last_comer = self.loop.time()
            self._came = True
        super().on_headers_complete()

    def waiting_since(self) -> float | None:
        busy = self.cycle is not None and not self.cycle.response_complete
        if busy or self.transport.get_write_buffer_size():
            return None
        if self._head_timer is not None:
            return self._head_timer.when() - HEAD_SECONDS
        idle = self.timeout_keep_alive_task
        return None if idle is None else idle.when() - self.timeout_keep_alive

    def timeout_keep_alive_handler(self) -> None:
        """A client that does not read its answers could keep a connection that is only closed for ever."""
        if self.transport.get_write_buffer_size():
            self._close("unread")
        else:
            super().timeout_keep_alive_handler()

    def make_room(self) -> None:
        self._close("made_room")

    def _admitted(self) -> bool:
        if self.server and self.server[1] == self.spared_port:
            return True
        address = self.client[0] if self.client else "unknown"
        self.network = site_of(network_of(address))
        return self.shares.admit(self, limited=not lies_in(address, self.proxies))

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._close, "slow_head")

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _close(self, why: str) -> None:
        CLOSED.labels(why).inc()
        self.transport.abort()


def bounded(*, spared_port: int, proxies: Sequence[IPNetwork]) -> type[BoundedProtocol]:
    """The connections of one server."""
    shares = Shares(most=MOST_CONNECTIONS, most_each=MOST_OF_A_NETWORK)
    return type("Bounded", (BoundedProtocol,), {"shares": shares, "spared_port": spared_port, "proxies": proxies})
