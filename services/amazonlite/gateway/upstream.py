"""One connection carries one exchange at a time, and goes back to the pool only when its answer was read to the end.

An HTTP/1.1 client of the proxy's own on httptools: the general client costs four times as much a call
(docs/decisions/0006-gateway.md), and a proxy needs no cookies, redirects, decoding or URL objects.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import cast

import httptools

from amazonlite.gateway.answer import (
    Answer,
    Body,
    ConnectFailed,
    ConnectionDropped,
    MalformedAnswer,
    Saturated,
    UpstreamError,
    UpstreamTimeout,
)

BUFFERED = 1024 * 1024  # answers of a known length up to this are passed on in one piece
HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer", b"upgrade")
) | {b"transfer-encoding", b"proxy-connection"}


class Connection(asyncio.Protocol):
    """Speaks one request and one answer at a time; `pool` gets it back through `Pool.release`."""

    def __init__(self, pool: Pool, loop: asyncio.AbstractEventLoop) -> None:
        self._pool, self._loop = pool, loop
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._answer = Answer(0, [])
        self._parts: list[bytes] = []
        self._length: int | None = None
        self._chunked = self._bodyless = False
        self.idle_since = 0.0

    def exchange(self, request: bytes, *, bodyless: bool, seconds: float) -> asyncio.Future[Answer]:
        self._bodyless = bodyless
        self._waiter = self._loop.create_future()
        self._timer = self._loop.call_later(seconds, self._time_out)
        cast(asyncio.Transport, self._transport).write(request)
        return self._waiter

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._pool.opened(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(MalformedAnswer(f"{self._pool.key} answered with something that is not HTTP: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        until_close = exc is None and self._answer.stream is not None and not self._chunked and self._length is None
        self._pool.forget(self)
        if until_close:
            self._complete(reusable=False)
        else:
            self._fail(ConnectionDropped(f"{self._pool.key} closed the connection before its answer was complete."))

    # httptools callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in HOP_BY_HOP:
            self._chunked = self._chunked or name == b"transfer-encoding"
            return
        if name == b"content-length":
            self._length = int(value)
        self._answer.headers.append((name, value))

    def on_headers_complete(self) -> None:
        answer = self._answer
        answer.status = self._parser.get_status_code()
        if answer.status < 200 or self._waiter is None:
            return
        if self._bodyless:
            self._resolve()
            self._complete(reusable=False)  # the parser would wait for the body that the length announces
        elif answer.status not in (204, 304) and (self._length is None or self._length > BUFFERED):
            answer.stream = Body(cast(asyncio.Transport, self._transport))
            self._resolve()

    def on_body(self, body: bytes) -> None:
        if self._answer.stream is not None:
            self._answer.stream.feed(body)
        else:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        if self._answer.status < 200:
            self._begin()
            return
        parts = self._parts
        self._answer.body = parts[0] if len(parts) == 1 else b"".join(parts)
        self._resolve()
        self._complete(reusable=self._parser.should_keep_alive())

    # outcomes

    def _begin(self) -> None:
        self._answer = Answer(0, [])
        self._parts = []
        self._length, self._chunked = None, False

    def _resolve(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(self._answer)

    def _complete(self, *, reusable: bool) -> None:
        self._stop_timer()
        if self._answer.stream is not None:
            self._answer.stream.finish()
        exchanged, self._waiter = self._waiter is not None, None
        self._begin()
        if reusable and exchanged and self.usable:
            self._pool.release(self)
        else:
            self.close()

    def _fail(self, error: UpstreamError) -> None:
        self._stop_timer()
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)
        elif self._answer.stream is not None:
            self._answer.stream.finish(error)
        self.close()

    def _time_out(self) -> None:
        self._fail(UpstreamTimeout(f"{self._pool.key} did not answer in time."))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Pool:
    """Connections of one backend: idle ones, latest used first, none older than `keep` seconds (backends close at 75).

    At most `at_most` exchanges are under way; as many more wait for one to end, and the rest are refused, so that a
    backend that is slow cannot take all that the gateway can hold.
    """

    def __init__(
        self, host: str, port: int, *, keep: float = 30.0, connect_timeout: float = 2.0, at_most: int = 256
    ) -> None:
        self.key = f"{host}:{port}"
        self._host, self._port = host, port
        self._keep, self._connect_timeout, self._at_most = keep, connect_timeout, at_most
        self._free: list[Connection] = []
        self._open: set[Connection] = set()
        self._connecting = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def send(self, request: bytes, *, bodyless: bool, seconds: float) -> Answer:
        """The answer, within `seconds` of now, waiting for a connection included."""
        deadline = asyncio.get_running_loop().time() + seconds
        connection = self._take() or await self._new(seconds)
        left = max(0.0, deadline - asyncio.get_running_loop().time())
        try:
            return await connection.exchange(request, bodyless=bodyless, seconds=left)
        except asyncio.CancelledError:
            connection.close()
            raise

    @property
    def idle(self) -> int:
        return len(self._free)

    def opened(self, connection: Connection) -> None:
        self._open.add(connection)

    def release(self, connection: Connection) -> None:
        connection.idle_since = asyncio.get_running_loop().time()
        self._free.append(connection)
        self._wake_one()

    def forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._free:
            self._free.remove(connection)
        self._wake_one()

    def close(self) -> None:
        while self._free:
            self._free.pop().close()

    def _take(self) -> Connection | None:
        now = asyncio.get_running_loop().time()
        while self._free:
            connection = self._free.pop()
            if connection.usable and now - connection.idle_since < self._keep:
                return connection
            connection.close()
        return None

    async def _new(self, seconds: float) -> Connection:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self._connecting + len(self._open) >= self._at_most:
            await self._ended(deadline - loop.time())
            if (connection := self._take()) is not None:
                return connection
        self._connecting += 1
        try:
            return await self._connect(min(max(0.0, deadline - loop.time()), self._connect_timeout))
        finally:
            self._connecting -= 1
            self._wake_one()

    async def _ended(self, seconds: float) -> None:
        """Returns when an exchange has ended; Saturated when none does, or when too many wait already.

        Whoever is woken and leaves in the same moment wakes the next: the place would stay empty.
        """
        if len(self._waiting) >= self._at_most:
            raise Saturated(f"{self.key} has {self._at_most} exchanges under way and as many waiting.")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await turn
        except BaseException as error:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not turn.cancelled():
                self._wake_one()
            if not isinstance(error, TimeoutError):
                raise
            raise Saturated(f"{self.key} has {self._at_most} exchanges under way, and none ended in time.") from error

    def _wake_one(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    async def _connect(self, seconds: float) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                _, connection = await loop.create_connection(lambda: Connection(self, loop), self._host, self._port)
        except (OSError, TimeoutError) as error:
            raise ConnectFailed(f"{self.key} accepts no connection: {error or 'timed out'}") from error
        return connection
