"""What every service is made of: its routes, plus health, metrics, problems, limits and supervised background tasks."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from fastapi import APIRouter, FastAPI, Request
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.responses import JSONResponse
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from amazonlite.common.background.supervise import Background, running
from amazonlite.common.http.bulkhead import Bulkhead
from amazonlite.common.http.middleware import BodyLimit, RequestScope
from amazonlite.common.http.problems import OPENAPI_RESPONSES, install_problems
from amazonlite.common.observe import metrics
from amazonlite.common.observe.health import Check, Health

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

INSTANCE = os.environ.get("INSTANCE_ID", "")
system = APIRouter(include_in_schema=False)


@system.get("/healthz")
async def alive() -> Response:
    """The instance tells this shop's gateway from whatever else may listen where the shop is expected."""
    return JSONResponse({"alive": True, "instance": INSTANCE})


@system.get("/readyz")
async def ready(request: Request) -> Response:
    health: Health = request.app.state.health
    failing = await health.failing()
    return JSONResponse({"ready": not failing, "failing": failing}, status_code=503 if failing else 200)


@system.get("/metrics")
async def exported() -> Response:
    return Response(metrics.render(), media_type=metrics.CONTENT_TYPE)


class _Service(FastAPI):
    """FastAPI with our layers in place of its own outer ones (error page, telemetry, plain-text body limit).

    `RequestScope` answers unexpected exceptions itself, so nothing is logged twice and every answer is counted.
    """

    def build_middleware_stack(self) -> ASGIApp:
        stack: ASGIApp = ExceptionMiddleware(AsyncExitStackMiddleware(self.router), handlers=self.exception_handlers)
        for layer, args, options in reversed(self.user_middleware):
            stack = layer(stack, *args, **options)
        limited: ASGIApp = BodyLimit(stack)
        at_once: int | None = self.state.at_once
        return RequestScope(limited if at_once is None else Bulkhead(limited, at_once=at_once))


def create_app(
    name: str,
    *,
    routers: Sequence[APIRouter],
    background: Sequence[Background] = (),
    readiness: Mapping[str, Check] | None = None,
    lifespan: Lifespan | None = None,
    at_once: int | None = None,
) -> FastAPI:
    """`lifespan` opens and closes what the background tasks use: it is entered before them and left after them.

    `at_once` bounds the shoppers' requests that are worked on at a time (see `Bulkhead`).
    """
    health = Health(readiness)

    @asynccontextmanager
    async def whole_life(app: FastAPI) -> AsyncIterator[None]:
        async with lifespan(app) if lifespan else nullcontext(), running(background, health):
            yield

    app = _Service(
        title=name,
        version="1",
        lifespan=whole_life,
        docs_url=None,
        redoc_url=None,
        responses=OPENAPI_RESPONSES,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.health = health
    app.state.at_once = at_once
    install_problems(app)
    for router in (system, *routers):
        app.include_router(router)
    return app
