"""Composition root of the gateway."""

from __future__ import annotations

from time import monotonic

from fastapi import FastAPI

from amazonlite.common.core.clock import SystemClock
from amazonlite.common.http.breaker import Breaker
from amazonlite.common.service.service import Service
from amazonlite.gateway.api import router
from amazonlite.gateway.backends import Targets
from amazonlite.gateway.bounds import Bounds
from amazonlite.gateway.forward import TrustedProxies
from amazonlite.gateway.kube import KubeApi, Watcher
from amazonlite.gateway.limits import Limits, LocalLimiter, connect
from amazonlite.gateway.proxy import Parts, Proxy
from amazonlite.gateway.refusals import RefusedTokens
from amazonlite.gateway.routebook import RouteBook, StatusWriter
from amazonlite.gateway.settings import Settings


def create(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings()
    clock, service = SystemClock(), Service("gateway")
    kube = service.opened(KubeApi(settings.api_url, ca=settings.api_ca, token=settings.api_token))
    book, verifier = RouteBook(settings.gateway_name), service.verifier(settings.auth_url)
    watcher = Watcher(kube, settings.routes_path, book.replace)
    service.background(watcher.run, StatusWriter(kube, settings.routes_path, book, settings.gateway_name, clock).run)
    service.ready_when(routes=watcher.ready)
    redis, targets = connect(settings.redis.url), service.opened(Targets(clock))
    service.on_stop(redis.aclose)
    limits = Limits(redis, LocalLimiter(monotonic), Breaker(clock, failures=3, pause=1.0))
    refused, proxies = RefusedTokens(limits, monotonic), TrustedProxies(settings.proxy_networks)
    outside = settings.request_timeout_seconds, settings.internal_port
    parts = Parts(book, verifier, limits, refused, Bounds(), targets, proxies, *outside)
    app = service.app(router, book=book)
    app.add_middleware(Proxy, parts=parts)
    return app
