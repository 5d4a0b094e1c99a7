"""A process that is stopping answers until nobody new has come for some seconds.

Those who send requests learn late that an address is leaving: a Service's list of addresses passes a controller and
then each node's proxy. That takes less than a second while the cluster is well, and up to a minute after its API server
was away, for watches are opened again after growing pauses (client-go: up to 30 s, and as much again of jitter).
"""

from __future__ import annotations

import asyncio

import uvicorn

from amazonlite.common.http.connection import BoundedProtocol

QUIET_SECONDS = 2.0
LONGEST_SECONDS = 45.0  # with FINISH_SECONDS of `serve` below the pod's terminationGracePeriodSeconds
_CLOSE = (b"connection", b"close")


async def drained(server: uvicorn.Server, connections: type[BoundedProtocol]) -> None:
    """Returns QUIET_SECONDS after the last new connection, or after LONGEST_SECONDS.

    Every answer meanwhile closes its connection, so that the next request goes to where the list leads by then.
    Connections that were there before and say nothing are not waited for: a client may keep hundreds.
    """
    server.config.encoded_headers.append(_CLOSE)  # what uvicorn makes the default headers from, each second
    server.server_state.default_headers = [*server.server_state.default_headers, _CLOSE]
    loop = asyncio.get_running_loop()
    began = loop.time()
    while (now := loop.time()) < began + LONGEST_SECONDS:
        quiet_at = max(began, connections.last_comer) + QUIET_SECONDS
        if now >= quiet_at:
            return
        await asyncio.sleep(quiet_at - now)
