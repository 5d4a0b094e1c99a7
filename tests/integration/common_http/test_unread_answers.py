"""A client that does not read what it asked for loses its connection, however long it goes on listening."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import uvicorn

from amazonlite.common.http.connection import bounded
from amazonlite.common.testing.eventually import eventually

LARGE = 32 * 1024 * 1024  # more than the kernel's buffers take


async def large(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x" * LARGE})


async def test_its_place_is_free_again() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    protocol = bounded(spared_port=0, proxies=())
    config = uvicorn.Config(large, http=protocol, lifespan="off", timeout_keep_alive=1, log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    reader, writer = await asyncio.open_connection(*listener.getsockname(), limit=1024)
    try:
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        await reader.readline()
        await eventually(lambda: not server.server_state.connections, within=10)
    finally:
        writer.transport.abort()
        server.should_exit = True
        await serving
