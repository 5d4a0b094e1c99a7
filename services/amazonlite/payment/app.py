"""Composition root of the payment service, and of the simulated provider that lives beside it."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI

from amazonlite.common.data.retention import ANSWERED, RECEIVED
from amazonlite.common.service.event_service import EventService
from amazonlite.common.service.mysql import Connections
from amazonlite.payment.api import internal, shop
from amazonlite.payment.catch_up import keep_catching_up
from amazonlite.payment.consumers import HANDLERS
from amazonlite.payment.dependencies import PaymentDependencies
from amazonlite.payment.follow_up import keep_following_up
from amazonlite.payment.orders_http import HttpOrders
from amazonlite.payment.settings import Settings
from amazonlite.payment.simulated.app import answer_late, provider
from amazonlite.payment.watch_lost import keep_watching_lost
from amazonlite.payment.watch_overdue import keep_watching_overdue

CONNECTIONS = Connections(work=12, requests=14)


def create(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings()
    service = EventService("payment", settings, CONNECTIONS)
    orders = HttpOrders(service.client("order", settings.order_url))
    waits = settings.payment_provider_timeout_seconds, settings.payment_recover_after_seconds
    work, deps = (
        PaymentDependencies(each, orders, provider(each, settings), settings.webhook_secret, *waits)
        for each in (service.work, service.requests)
    )
    service.consume(HANDLERS)
    service.background(partial(keep_following_up, work, seconds=settings.payment_follow_up_seconds))
    service.background(*(partial(keep, work) for keep in (keep_catching_up, keep_watching_lost, keep_watching_overdue)))
    answer_late(service, settings)
    service.forget(RECEIVED, ANSWERED)
    return service.app(shop, internal, deps=deps, internal_deps=work, at_once=16)
