"""Runs a service: `run("amazonlite.auth.app:create")` in its `__main__.py`.

On SIGTERM readiness fails first, so that no new connections are sent here; requests go on being answered until nobody
comes any more (see `drain`), then the listener closes and what is in flight gets FINISH_SECONDS.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from amazonlite.common.core.lean_imports import leave_out_the_orm
from amazonlite.common.core.settings import ObserveSettings
from amazonlite.common.core.tasks import stop
from amazonlite.common.http.connection import BoundedProtocol, bounded
from amazonlite.common.http.drain import drained
from amazonlite.common.http.network import networks_in
from amazonlite.common.observe.logs import configure_logging
from amazonlite.common.observe.memory import bound_memory, keep_trimming, settle_memory
from amazonlite.common.observe.tracing import start_tracing, stop_tracing

FINISH_SECONDS = 7


class _Server(uvicorn.Server):
    """Uvicorn that fails readiness before it stops listening; a second signal skips the wait.

    A signal is not raised again after the shutdown, as uvicorn would do: the process ends by itself, with status 0.
    """

    def __init__(self, config: uvicorn.Config, load: _Load, connections: type[BoundedProtocol]) -> None:
        super().__init__(config)
        self._load = load
        self._connections = connections

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        settle_memory()
        self._trimming = asyncio.create_task(keep_trimming())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await stop([self._trimming])
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        app = self._load.app
        if app is None or not self.started or app.state.health.draining:
            self.force_exit = self.should_exit
            self.should_exit = True
            return
        app.state.health.draining = True
        asyncio.get_event_loop().call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        self._draining = asyncio.create_task(drained(self, self._connections))
        self._draining.add_done_callback(self._stop)

    def _stop(self, _drained: asyncio.Task[None]) -> None:
        self.should_exit = True


class _Load:
    """Makes the app inside the running loop and keeps it for the server to reach its health."""

    def __init__(self, target: str) -> None:
        self._target = target
        self.app: FastAPI | None = None

    def __call__(self) -> FastAPI:
        module, _, factory = self._target.partition(":")
        self.app = getattr(importlib.import_module(module), factory)()
        return self.app


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", port))  # noqa: S104 — a pod serves its own address
    return listener


def run(target: str) -> None:
    """Serve the app that the factory `package.module:function` makes, until a signal.

    At PORT, and at INTERNAL_PORT too where one is given: what only the cluster may ask is told there. The networks of
    TRUSTED_PROXIES bring the connections of many clients, and have no share of their own.
    """
    bound_memory()
    leave_out_the_orm()
    service = target.split(".")[1]
    settings = ObserveSettings()
    configure_logging(service, settings.log_level)
    start_tracing(service)
    load = _Load(target)
    port, internal = int(os.environ.get("PORT", "8000")), int(os.environ.get("INTERNAL_PORT", "0"))
    connections = bounded(spared_port=internal, proxies=networks_in(os.environ.get("TRUSTED_PROXIES", "")))
    config = uvicorn.Config(
        load,
        factory=True,
        loop="uvloop",
        http=connections,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,  # longer than any client of ours keeps a connection, so that none is cut under a request
        timeout_graceful_shutdown=FINISH_SECONDS,
    )
    try:
        _Server(config, load, connections).run([_listening(each) for each in (port, internal) if each])
    finally:
        stop_tracing()
