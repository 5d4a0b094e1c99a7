"""Composition root of the product service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from amazonlite.common.http.app import create_app
from amazonlite.common.security.jwks import JwksSource
from amazonlite.common.security.jwt import TokenVerifier
from amazonlite.product.api import internal, router
from amazonlite.product.bulk import BulkDesk
from amazonlite.product.settings import Settings
from amazonlite.product.store import Catalogue


def create(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings()
    catalogue = Catalogue(settings.mongo)
    jwks = JwksSource(settings.jwks_url)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await catalogue.close()
        await jwks.close()

    app = create_app(
        "product",
        routers=[router, internal],
        background=[catalogue.prepare],
        readiness={"mongodb": catalogue.ready},
        lifespan=lifespan,
    )
    app.state.catalogue = catalogue
    app.state.settings = settings
    app.state.bulk = BulkDesk(catalogue, settings.shop_currency)
    app.state.verifier = TokenVerifier(jwks)
    return app
