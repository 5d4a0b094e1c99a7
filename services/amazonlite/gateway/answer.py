"""What comes back from a backend: a whole answer, a stream of one, or the reason why there is none."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

HIGH_WATER = 256 * 1024  # of a streamed answer not yet taken by the client
HeaderList = list[tuple[bytes, bytes]]


class UpstreamError(Exception):
    """The exchange failed; the subclass says what the backend may have done with it."""


class ConnectFailed(UpstreamError):
    """Nothing was sent."""


class Saturated(UpstreamError):
    """Nothing was sent: as many exchanges as allowed are under way with this backend, and none ended in time."""


class ConnectionDropped(UpstreamError):
    """The backend closed before its answer was complete; it may have acted on the request."""


class UpstreamTimeout(UpstreamError):
    """The time allowed for the whole exchange is over; the backend may still act."""


class MalformedAnswer(UpstreamError):
    """What came back is not HTTP."""


class Body:
    """Chunks of a streamed answer; the connection stops reading while the client is behind."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._over = False
        self._error: UpstreamError | None = None
        self._more = asyncio.Event()

    def feed(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._size > HIGH_WATER:
            self._transport.pause_reading()
        self._more.set()

    def abandon(self) -> None:
        """The client left: what the backend still sends is not wanted."""
        self._transport.abort()

    def finish(self, error: UpstreamError | None = None) -> None:
        self._over, self._error = True, error
        self._more.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._chunks:
                chunk = self._chunks.popleft()
                self._size -= len(chunk)
                yield chunk
            if self._over:
                break
            self._transport.resume_reading()
            self._more.clear()
            await self._more.wait()
        if self._error is not None:
            raise self._error


@dataclass(slots=True)
class Answer:
    """`body` whole, or `stream` when it is long or of unknown length."""

    status: int
    headers: HeaderList
    body: bytes = b""
    stream: Body | None = None
