"""Composition root of the order service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.data.engine import create_engine
from amazonlite.common.data.retention import ANSWERED, RECEIVED, keep_forgetting
from amazonlite.common.data.unit_of_work import ping, unit_of_work_factory
from amazonlite.common.events.consumer import Consumer
from amazonlite.common.events.producer import EventProducer
from amazonlite.common.events.registry import Registry
from amazonlite.common.events.relay import Relay
from amazonlite.common.http.app import create_app
from amazonlite.common.http.client import ServiceClient
from amazonlite.common.security.jwks import JwksSource
from amazonlite.common.security.jwt import TokenVerifier
from amazonlite.common.security.service_token import ServiceTokenSource
from amazonlite.order.api import internal, shop
from amazonlite.order.catch_up import keep_catching_up
from amazonlite.order.consumers import handlers
from amazonlite.order.desk import OrderDesk
from amazonlite.order.goods_http import HttpGoods
from amazonlite.order.payments_http import HttpPayments
from amazonlite.order.products_http import HttpProducts
from amazonlite.order.settings import Settings
from amazonlite.order.time_out import keep_timing_out
from amazonlite.order.watch_overdue import keep_watching_overdue

# Consumer (six), relay (three) and sweeps never wait behind requests: what is paid is confirmed also in a rush.
WORK_CONNECTIONS, REQUEST_CONNECTIONS = 12, 14
REQUESTS_AT_ONCE = 16
EVENTS = Registry.load()


def create(settings: Settings | None = None) -> FastAPI:
    service = _Service(settings or Settings())
    app = create_app(
        "order",
        routers=[shop, internal],
        background=[
            service.relay.run,
            service.consumer.run,
            service.time_out,
            service.catch_up,
            service.watch_overdue,
            service.forget,
        ],
        readiness={"mysql": service.database_answers},
        lifespan=service.open,
        at_once=REQUESTS_AT_ONCE,
    )
    app.state.desk = service.desk
    app.state.verifier = TokenVerifier(service.jwks)
    return app


class _Service:
    """All that lives as long as the process."""

    def __init__(self, settings: Settings) -> None:
        auth = settings.auth
        self._sweep_seconds = settings.order_sweep_seconds
        self._engines = [create_engine(settings.mysql, pool_size=n) for n in (WORK_CONNECTIONS, REQUEST_CONNECTIONS)]
        self._producer = EventProducer(settings.kafka)
        self._tokens = ServiceTokenSource(auth.url, auth.client_id, auth.client_secret)
        self._products = ServiceClient(settings.product_url, name="product", tokens=self._tokens)
        # Overdue orders wait for payment's word, so a payment service that is back is asked within a second.
        self._payments = ServiceClient(settings.payment_url, name="payment", tokens=self._tokens, pause=1.0)
        self._inventory = ServiceClient(
            settings.inventory_url, name="inventory", timeout=0.5, tokens=self._tokens, pause=1.0
        )
        self.jwks = JwksSource(settings.jwks_url)
        self.relay = Relay(self._engines[0], self._producer, owner=settings.kafka.instance)
        self._work, self.desk = (self._desk(engine, settings.pay_within) for engine in self._engines)
        self.consumer = Consumer(
            settings.kafka,
            "order",
            handlers(self._work),
            self._work.transactions,
            self._producer,
            check=EVENTS.validate,
        )

    def _desk(self, engine: AsyncEngine, pay_within: timedelta) -> OrderDesk:
        return OrderDesk(
            unit_of_work_factory(engine, self.relay.wake, EVENTS.validate),
            HttpProducts(self._products),
            HttpPayments(self._payments),
            HttpGoods(self._inventory),
            pay_within,
        )

    @asynccontextmanager
    async def open(self, _: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for engine in self._engines:
                stack.push_async_callback(engine.dispose)
            clients = (self._products, self._payments, self._inventory)
            for opened in (self._producer, self.jwks, self._tokens, *clients):
                stack.push_async_callback(opened.close)
            yield

    async def time_out(self) -> None:
        await keep_timing_out(self._work, every=self._sweep_seconds)

    async def catch_up(self) -> None:
        await keep_catching_up(self._work)

    async def watch_overdue(self) -> None:
        await keep_watching_overdue(self._work)

    async def forget(self) -> None:
        await keep_forgetting(self._work.transactions, RECEIVED, ANSWERED)

    async def database_answers(self) -> None:
        await ping(self.desk.transactions)
