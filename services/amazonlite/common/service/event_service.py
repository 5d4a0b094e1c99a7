"""A service that keeps its state in MySQL, sends events by its outbox and takes each event of others once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from fastapi import APIRouter, FastAPI
from sqlalchemy import TextClause

from amazonlite.common.core.settings import EventServiceSettings
from amazonlite.common.data.retention import keep_forgetting
from amazonlite.common.data.unit_of_work import unit_of_work_factory
from amazonlite.common.events.consumer import Consumer
from amazonlite.common.events.handlers import AnyHandler
from amazonlite.common.events.producer import EventProducer
from amazonlite.common.events.registry import Registry
from amazonlite.common.events.relay import Relay
from amazonlite.common.http.client import ServiceClient
from amazonlite.common.security.jwt import TokenVerifier
from amazonlite.common.security.service_token import ServiceTokenSource
from amazonlite.common.service.mysql import Connections, open_engine, ready_when_mysql_answers
from amazonlite.common.service.service import Service


class EventService(Service):
    """`work` makes the transactions of background tasks and consumers, `requests` those of routes.

    An event is checked against its schema before it is stored and before it is handled. Kafka is no reason not to be
    ready: what is to be sent waits in the outbox.
    """

    def __init__(self, name: str, settings: EventServiceSettings, connections: Connections) -> None:
        super().__init__(name)
        engines = [open_engine(self, settings.mysql, size) for size in (connections.work, connections.requests)]
        self._kafka = settings.kafka
        self._producer = self.opened(EventProducer(settings.kafka))
        relay = Relay(engines[0], self._producer, owner=settings.kafka.instance)
        self._check = Registry.load().validate
        self.work, self.requests = (unit_of_work_factory(engine, relay.wake, self._check) for engine in engines)
        self._verifier = self.verifier(settings.auth.url)
        auth = settings.auth
        self._tokens = self.opened(ServiceTokenSource(auth.url, auth.client_id, auth.client_secret))
        self.background(relay.run)
        ready_when_mysql_answers(self, self.requests)

    def client(self, name: str, url: str, *, timeout: float = 2.0, pause: float = 5.0) -> ServiceClient:
        """Calls to another service with this one's own token; see `ServiceClient`."""
        return self.opened(ServiceClient(url, name=name, tokens=self._tokens, timeout=timeout, pause=pause))

    def consume(self, handlers: Mapping[str, AnyHandler]) -> None:
        """Handles the events of these topics, in the consumer group called like the service."""
        consumer = Consumer(self._kafka, self.name, handlers, self.work, self._producer, check=self._check)
        self.background(consumer.run)

    def forget(self, *guards: TextClause) -> None:
        """Deletes old rows of these guards against repeats: RECEIVED, and ANSWERED where there are such answers."""
        self.background(partial(keep_forgetting, self.work, *guards))

    def app(
        self, *routers: APIRouter, verifier: TokenVerifier | None = None, at_once: int | None = None, **state: object
    ) -> FastAPI:
        return super().app(*routers, verifier=verifier or self._verifier, at_once=at_once, **state)
