"""The few paths that the gateway answers itself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request

from amazonlite.gateway.backends import unavailable
from amazonlite.gateway.routebook import RouteBook

router = APIRouter()


@router.get("/")
async def index(request: Request) -> dict[str, object]:
    """The domains served right now, one entry a domain."""
    book: RouteBook = request.app.state.book
    domains = {path.split("/")[2].partition(":")[0] for path in book.table.prefixes() if path.startswith("/api/")}
    return {"name": "Amazon Lite", "apiVersion": "1", "domains": {name: f"/api/{name}" for name in sorted(domains)}}


@router.get("/fallback/{service}", status_code=503)
async def fallback(service: Annotated[str, Path(pattern=r"^[a-z0-9-]{1,63}$")]) -> None:
    """What a client gets while the breaker of a service is open."""
    raise unavailable(service, 0.0)
