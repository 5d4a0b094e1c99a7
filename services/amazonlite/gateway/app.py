"""Composition root of the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from fastapi import FastAPI
from redis.asyncio import Redis

from amazonlite.common.core.clock import SystemClock
from amazonlite.common.http.app import create_app
from amazonlite.common.http.breaker import Breaker
from amazonlite.common.security.jwks import JwksSource
from amazonlite.common.security.jwt import TokenVerifier
from amazonlite.gateway.api import router
from amazonlite.gateway.backends import Targets
from amazonlite.gateway.bounds import Bounds
from amazonlite.gateway.forward import TrustedProxies
from amazonlite.gateway.kube import KubeApi, Watcher
from amazonlite.gateway.limits import Limits, LocalLimiter
from amazonlite.gateway.proxy import Parts, Proxy
from amazonlite.gateway.refusals import RefusedTokens
from amazonlite.gateway.routebook import RouteBook, StatusWriter
from amazonlite.gateway.settings import Settings


class NoRoutesYet(Exception):
    """The API server was not reached since the start."""


def create(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings()
    clock = SystemClock()
    kube = _kube(settings)
    book = RouteBook(settings.gateway_name)
    watcher = Watcher(kube, settings.routes_path, book.replace)
    statuses = StatusWriter(kube, settings.routes_path, book, settings.gateway_name, clock)
    jwks = JwksSource(settings.jwks_url)
    redis = Redis.from_url(settings.redis.url, socket_connect_timeout=1, socket_timeout=1, max_connections=32)
    targets = Targets(clock)

    async def routes() -> None:
        if not watcher.listed.is_set():
            raise NoRoutesYet

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        targets.close()
        await redis.aclose()
        await jwks.close()
        await kube.close()

    app = create_app(
        "gateway",
        routers=[router],
        background=[watcher.run, statuses.run],
        readiness={"routes": routes},
        lifespan=lifespan,
    )
    app.state.book = book
    limits = Limits(redis, LocalLimiter(monotonic), Breaker(clock, failures=3, pause=1.0))
    parts = Parts(
        book,
        TokenVerifier(jwks),
        limits,
        RefusedTokens(limits, monotonic),
        Bounds(),
        targets,
        TrustedProxies(settings.proxy_networks),
        settings.request_timeout_seconds,
        settings.internal_port,
    )
    app.add_middleware(Proxy, parts=parts)
    return app


def _kube(settings: Settings) -> KubeApi:
    if settings.kube_api_url:
        return KubeApi(settings.kube_api_url)
    ca, token = settings.api_files
    return KubeApi(settings.api_url, ca=ca, token=token)
