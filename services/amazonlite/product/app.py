"""Composition root of the product service."""

from __future__ import annotations

from fastapi import FastAPI

from amazonlite.common.service.service import Service
from amazonlite.product.api import internal, router
from amazonlite.product.bulk import BulkDesk
from amazonlite.product.settings import Settings
from amazonlite.product.store import Catalogue


def create(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings()
    service = Service("product")
    catalogue = service.opened(Catalogue(settings.mongo))
    service.background(catalogue.prepare)
    service.ready_when(mongodb=catalogue.ready)
    verifier = service.verifier(settings.auth_url)
    bulk = BulkDesk(catalogue, settings.shop_currency)
    return service.app(router, internal, verifier=verifier, catalogue=catalogue, settings=settings, bulk=bulk)
