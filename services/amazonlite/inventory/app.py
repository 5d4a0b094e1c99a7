"""Composition root of the inventory service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.data.engine import create_engine
from amazonlite.common.data.retention import RECEIVED, keep_forgetting
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
from amazonlite.inventory.api import internal, shop
from amazonlite.inventory.consumers import GROUP, handlers
from amazonlite.inventory.desk import Desk
from amazonlite.inventory.expire import keep_expiring
from amazonlite.inventory.flash_sale.admission import Admitter
from amazonlite.inventory.flash_sale.api import shop as sale_shop
from amazonlite.inventory.flash_sale.batcher import ClaimBatcher
from amazonlite.inventory.flash_sale.desk import QueueDesk, SaleDesk
from amazonlite.inventory.flash_sale.operator_api import operator
from amazonlite.inventory.flash_sale.queue_store import QueueStore, connect
from amazonlite.inventory.flash_sale.serve_claims import ClaimServer
from amazonlite.inventory.flash_sale.ticket import TicketOffice
from amazonlite.inventory.payments_http import HttpPayments
from amazonlite.inventory.settings import Settings

EVENTS = Registry.load()
# Claims, expiry and admission (one each), the relay's three and the consumer's six never wait behind page views.
WORK_CONNECTIONS, REQUEST_CONNECTIONS = 14, 12


def create(settings: Settings | None = None) -> FastAPI:
    service = _Service(settings or Settings())
    app = create_app(
        "inventory",
        routers=[sale_shop, shop, operator, internal],
        background=[service.relay.run, service.consumer.run, service.expire, service.admitter.run, service.forget],
        # Not Redis: without it only the queue is away, and it says so itself.
        readiness={"mysql": service.database_answers},
        lifespan=service.open,
    )
    app.state.desk = service.desk
    app.state.sale_desk = service.sale_desk
    app.state.verifier = TokenVerifier(service.jwks)
    return app


class _Service:
    """All that lives as long as the process."""

    def __init__(self, settings: Settings) -> None:
        self._engines = [create_engine(settings.mysql, pool_size=n) for n in (WORK_CONNECTIONS, REQUEST_CONNECTIONS)]
        self._producer = EventProducer(settings.kafka)
        self.jwks = JwksSource(settings.jwks_url)
        self.relay = Relay(self._engines[0], self._producer, owner=settings.kafka.instance)
        auth = settings.auth
        self._tokens = ServiceTokenSource(auth.url, auth.client_id, auth.client_secret)
        # Unpaid units wait for payment's word, so a payment service that is back is asked within a second.
        self._payments = ServiceClient(settings.payment_url, name="payment", tokens=self._tokens, pause=1.0)
        work, self.desk = (self._desk(engine) for engine in self._engines)
        self._queue = QueueStore(connect(settings.redis.url))
        self.admitter = Admitter(work, self._queue)
        tickets = TicketOffice(settings.ticket_key)
        batcher = ClaimBatcher(ClaimServer(QueueDesk(work, self._queue, tickets)))
        self.sale_desk = SaleDesk(self.desk, self._queue, tickets, batcher)
        self.consumer = Consumer(
            settings.kafka, GROUP, handlers(work), work.transactions, self._producer, check=EVENTS.validate
        )
        self._work = work

    def _desk(self, engine: AsyncEngine) -> Desk:
        return Desk(unit_of_work_factory(engine, self.relay.wake, EVENTS.validate), HttpPayments(self._payments))

    @asynccontextmanager
    async def open(self, _: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for engine in self._engines:
                stack.push_async_callback(engine.dispose)
            for opened in (self._producer, self.jwks, self._queue, self._tokens, self._payments):
                stack.push_async_callback(opened.close)
            yield

    async def expire(self) -> None:
        await keep_expiring(self._work)

    async def forget(self) -> None:
        await keep_forgetting(self._work.transactions, RECEIVED)

    async def database_answers(self) -> None:
        await ping(self.desk.transactions)
