"""Composition root of the payment service, and of the simulated provider that lives beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.data.engine import create_engine
from amazonlite.common.data.retention import ANSWERED, RECEIVED, keep_forgetting
from amazonlite.common.data.sweep import keep_sweeping
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
from amazonlite.payment.api import internal, shop
from amazonlite.payment.catch_up import keep_catching_up
from amazonlite.payment.consumers import HANDLERS
from amazonlite.payment.desk import PaymentDesk
from amazonlite.payment.follow_up import follow_up_due
from amazonlite.payment.orders_http import HttpOrders
from amazonlite.payment.settings import Settings
from amazonlite.payment.simulated.answer import LateAnswers
from amazonlite.payment.simulated.provider import SimulatedProvider
from amazonlite.payment.simulated.webhook import WebhookPost
from amazonlite.payment.watch_lost import keep_watching_lost
from amazonlite.payment.watch_overdue import keep_watching_overdue

# Consumer (six), relay (three) and sweeps never wait behind requests: what is paid is confirmed also in a rush.
WORK_CONNECTIONS, REQUEST_CONNECTIONS = 12, 14
REQUESTS_AT_ONCE = 16
EVENTS = Registry.load()


def create(settings: Settings | None = None) -> FastAPI:
    service = _Service(settings or Settings())
    app = create_app(
        "payment",
        routers=[shop, internal],
        background=[
            service.relay.run,
            service.consumer.run,
            service.follow_up,
            service.answer_late,
            service.catch_up,
            service.watch_lost,
            service.watch_overdue,
            service.forget,
        ],
        readiness={"mysql": service.database_answers},
        lifespan=service.open,
        at_once=REQUESTS_AT_ONCE,
    )
    app.state.desk = service.desk
    app.state.internal_desk = service.work
    app.state.verifier = TokenVerifier(service.jwks)
    return app


class _Service:
    """All that lives as long as the process."""

    def __init__(self, settings: Settings) -> None:
        auth = settings.auth
        self._poll_seconds = settings.payment_follow_up_seconds
        self._engines = [create_engine(settings.mysql, pool_size=n) for n in (WORK_CONNECTIONS, REQUEST_CONNECTIONS)]
        self._producer = EventProducer(settings.kafka)
        self._tokens = ServiceTokenSource(auth.url, auth.client_id, auth.client_secret)
        self._orders = ServiceClient(settings.order_url, name="order", tokens=self._tokens)
        self.jwks = JwksSource(settings.jwks_url)
        self.relay = Relay(self._engines[0], self._producer, owner=settings.kafka.instance)
        self.work, self.desk = (self._desk(engine, settings) for engine in self._engines)
        self._webhook = WebhookPost(settings.payment_webhook_url, settings.webhook_secret, self.desk.clock)
        self._late = LateAnswers(self.work.transactions, self._webhook)
        self.consumer = Consumer(
            settings.kafka, "payment", HANDLERS, self.work.transactions, self._producer, check=EVENTS.validate
        )

    def _desk(self, engine: AsyncEngine, settings: Settings) -> PaymentDesk:
        transactions = unit_of_work_factory(engine, self.relay.wake, EVENTS.validate)
        latency = settings.payment_provider_latency_ms / 1000
        return PaymentDesk(
            transactions,
            HttpOrders(self._orders),
            SimulatedProvider(transactions, latency, settings.payment_provider_answer_seconds),
            settings.webhook_secret,
            settings.payment_provider_timeout_seconds,
            settings.payment_recover_after_seconds,
        )

    @asynccontextmanager
    async def open(self, _: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for engine in self._engines:
                stack.push_async_callback(engine.dispose)
            for opened in (self._producer, self.jwks, self._tokens, self._orders, self._webhook):
                stack.push_async_callback(opened.close)
            yield

    async def follow_up(self) -> None:
        async def any_due() -> bool:
            return await follow_up_due(self.work) > 0

        await keep_sweeping(any_due, every=self._poll_seconds, waits="follow_up_waits")

    async def answer_late(self) -> None:
        async def any_due() -> bool:
            return await self._late.answer_due() > 0

        await keep_sweeping(any_due, every=self._poll_seconds, waits="late_answers_wait")

    async def catch_up(self) -> None:
        await keep_catching_up(self.work)

    async def watch_lost(self) -> None:
        await keep_watching_lost(self.work)

    async def watch_overdue(self) -> None:
        await keep_watching_overdue(self.work)

    async def forget(self) -> None:
        await keep_forgetting(self.work.transactions, RECEIVED, ANSWERED)

    async def database_answers(self) -> None:
        await ping(self.desk.transactions)
