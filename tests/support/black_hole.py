"""A TCP proxy on loopback that can swallow what passes, so that the peer vanishes without a reset, or hang up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from amazonlite.common.core.tasks import stop


class BlackHole:
    """In front of one server; connections that were swallowed from stay silent for ever."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._swallowing = asyncio.Event()
        self._refusing = False
        self._open: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self.port = 0

    def swallow(self) -> None:
        self._swallowing.set()

    def refuse(self) -> None:
        """Hangs up on everybody, and at once on whoever comes."""
        self._refusing = True
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    def let_new_ones_pass(self) -> None:
        self._swallowing = asyncio.Event()
        self._refusing = False

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        swallowing = self._swallowing
        if self._refusing:
            writer.transport.abort()
            return
        self._open.add(writer)
        if swallowing.is_set():
            await asyncio.Event().wait()
        there, back = await asyncio.open_connection(*self._server)
        for source, target in ((reader, back), (there, writer)):
            self._pumps.add(asyncio.create_task(_pump(source, target, swallowing)))

    async def close(self) -> None:
        await stop(self._pumps)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, swallowing: asyncio.Event) -> None:
    while data := await source.read(65536):
        if not swallowing.is_set():
            target.write(data)
    if not swallowing.is_set():
        target.close()


@asynccontextmanager
async def black_hole(host: str, port: int) -> AsyncIterator[BlackHole]:
    made = BlackHole(host, port)
    server = await asyncio.start_server(made._accept, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.close()
