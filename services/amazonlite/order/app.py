"""Composition root of the order service."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI

from amazonlite.common.data.retention import ANSWERED, RECEIVED
from amazonlite.common.service.event_service import EventService
from amazonlite.common.service.mysql import Connections
from amazonlite.order.api import internal, shop
from amazonlite.order.catch_up import keep_catching_up
from amazonlite.order.consumers import handlers
from amazonlite.order.dependencies import OrderDependencies
from amazonlite.order.goods_http import HttpGoods
from amazonlite.order.payments_http import HttpPayments
from amazonlite.order.products_http import HttpProducts
from amazonlite.order.settings import Settings
from amazonlite.order.time_out import keep_timing_out
from amazonlite.order.watch_overdue import keep_watching_overdue

CONNECTIONS = Connections(work=12, requests=14)


def create(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings()
    service = EventService("order", settings, CONNECTIONS)
    products = HttpProducts(service.client("product", settings.product_url))
    # What is overdue or unconfirmed waits for these, so each is asked within a second of being back.
    payments = HttpPayments(service.client("payment", settings.payment_url, pause=1.0))
    goods = HttpGoods(service.client("inventory", settings.inventory_url, timeout=0.5, pause=1.0))
    of = partial(OrderDependencies, products=products, payments=payments, goods=goods, pay_within=settings.pay_within)
    work, deps = of(service.work), of(service.requests)
    service.consume(handlers(work))
    service.background(partial(keep_timing_out, work, seconds=settings.order_sweep_seconds))
    service.background(partial(keep_catching_up, work), partial(keep_watching_overdue, work))
    service.forget(RECEIVED, ANSWERED)
    return service.app(shop, internal, deps=deps, at_once=16)
