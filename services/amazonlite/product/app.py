"""Composition root of the product service."""

from __future__ import annotations

from fastapi import FastAPI

from amazonlite.common.events.producer import EventProducer
from amazonlite.common.service.service import Service
from amazonlite.product.api import internal, router
from amazonlite.product.bulk import BulkDeps
from amazonlite.product.settings import Settings
from amazonlite.product.store import Catalogue


def create(settings: Settings | None = None, *, producer: EventProducer | None = None) -> FastAPI:
    settings = settings or Settings()
    service = Service("product")
    catalogue = service.opened(Catalogue(settings.mongo))
    relay = catalogue.relay(service.opened(producer or EventProducer(settings.kafka)))
    # Kafka is no reason not to be ready: what is to be told stays marked.
    service.background(catalogue.prepare, relay.run, relay.find_missed)
    service.ready_when(mongodb=catalogue.ready)
    verifier = service.verifier(settings.auth_url)
    bulk = BulkDeps(catalogue, settings.shop_currency)
    return service.app(router, internal, verifier=verifier, catalogue=catalogue, settings=settings, bulk=bulk)
