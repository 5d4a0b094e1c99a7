"""Composition root of the inventory service."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI

from amazonlite.common.data.retention import RECEIVED
from amazonlite.common.service.event_service import EventService
from amazonlite.common.service.mysql import Connections
from amazonlite.inventory.api import internal, shop
from amazonlite.inventory.consumers import handlers
from amazonlite.inventory.dependencies import Dependencies
from amazonlite.inventory.flash_sale import api as sale_api
from amazonlite.inventory.flash_sale.admission import Admitter
from amazonlite.inventory.flash_sale.batcher import ClaimBatcher
from amazonlite.inventory.flash_sale.dependencies import QueueDependencies, SaleDependencies
from amazonlite.inventory.flash_sale.operator_api import operator
from amazonlite.inventory.flash_sale.queue_store import QueueStore, connect
from amazonlite.inventory.flash_sale.serve_claims import ClaimServer
from amazonlite.inventory.flash_sale.ticket import TicketOffice
from amazonlite.inventory.payments_http import HttpPayments
from amazonlite.inventory.reservations.expire import keep_expiring
from amazonlite.inventory.settings import Settings

CONNECTIONS = Connections(work=14, requests=12)


def create(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings()
    service = EventService("inventory", settings, CONNECTIONS)
    payments = HttpPayments(service.client("payment", settings.payment_url, pause=1.0))  # unpaid units wait for it
    work, deps = Dependencies(service.work, payments), Dependencies(service.requests, payments)
    queue, tickets = service.opened(QueueStore(connect(settings.redis.url))), TicketOffice(settings.ticket_key)
    service.consume(handlers(work))
    service.background(partial(keep_expiring, work), Admitter(work, queue).run)
    service.forget(RECEIVED)
    sales = SaleDependencies(deps, queue, tickets, ClaimBatcher(ClaimServer(QueueDependencies(work, queue, tickets))))
    return service.app(sale_api.shop, shop, operator, internal, sale_api.holds, deps=deps, sale_deps=sales)
