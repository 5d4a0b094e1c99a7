"""Every change of a product is told, whatever is killed or away meanwhile, and nothing else is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError
from kafka import KafkaConsumer
from prometheus_client import REGISTRY
from pymongo import AsyncMongoClient

from amazonlite.common.core.event import Event
from amazonlite.common.core.money import Money
from amazonlite.common.core.settings import KafkaSettings, MongoSettings
from amazonlite.common.events.envelope import decode
from amazonlite.common.events.producer import EventProducer
from amazonlite.common.events.registry import Registry
from amazonlite.common.mongo.relay import BrokerUnreachable
from amazonlite.common.testing import stores
from amazonlite.common.testing.asgi import asgi_client
from amazonlite.common.testing.eventually import eventually
from amazonlite.common.testing.fakes import FakeClock
from amazonlite.common.testing.stores import independent_client
from amazonlite.product.app import create
from amazonlite.product.domain import Content
from amazonlite.product.settings import Settings
from amazonlite.product.store import Catalogue

pytestmark = pytest.mark.stores

KETTLE = Content(
    "B1", "Kettle", Money(1999, "USD"), brand="Acme", category=("Home", "Kitchen"), rating=4.5, rating_count=9
)


@dataclass
class Broker:
    """In the place of Kafka's client: takes every record, or answers with `error`."""

    error: int | None = None
    sent: list[bytes] = field(default_factory=list)
    pending: list[tuple[bytes, bytes, Callable[[KafkaError, Any], None]]] = field(default_factory=list)

    def producer(self) -> EventProducer:
        return EventProducer(KafkaSettings(), client=lambda _: self)

    def produce(self, _: str, value: bytes, key: bytes, *, headers: object, on_delivery: Any) -> None:
        self.pending.append((key, value, on_delivery))

    def flush(self, _: float) -> int:
        pending, self.pending = self.pending, []
        for key, value, on_delivery in pending:
            if self.error is None:
                self.sent.append(value)
            else:
                on_delivery(KafkaError(self.error), SimpleNamespace(key=partial(bytes, key)))
        return 0

    def told(self) -> list[Event]:
        """What was told since this was asked last."""
        events = [decode(value) for value in self.sent]
        self.sent.clear()
        for event in events:
            Registry.load().validate(event)
        return events


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def catalogue(mongo: MongoSettings, clock: FakeClock) -> AsyncIterator[Catalogue]:
    made = Catalogue(mongo, clock)
    yield made
    await made.close()


def versions(events: list[Event]) -> list[tuple[str, int, bool]]:
    return [(event.subject, event.data["version"], event.data["removed"]) for event in events]


async def test_each_kind_of_change_is_told_once_with_the_product_as_it_is(catalogue: Catalogue, broker: Broker) -> None:
    relay = catalogue.relay(broker.producer())
    await catalogue.add(KETTLE)
    await relay.send_some()
    [made] = broker.told()
    assert (made.type, made.subject, made.data["price"]) == (
        "product.changed.v1",
        "B1",
        {"amount": 1999, "currency": "USD"},
    )
    assert (made.data["title"], made.data["category"]) == ("Kettle", ["Home", "Kitchen"])

    await catalogue.replace(replace(KETTLE, title="Red kettle"), 1)
    await relay.send_some()
    assert [event.data["title"] for event in broker.told()] == ["Red kettle"]
    await catalogue.remove("B1", 2)
    await relay.send_some()
    assert versions(broker.told()) == [("B1", 3, True)]
    await catalogue.add(KETTLE)
    await catalogue.put_all([replace(KETTLE, sku="B2"), replace(KETTLE, sku="B3")])
    await relay.send_some()
    assert sorted(versions(broker.told())) == [("B1", 4, False), ("B2", 1, False), ("B3", 1, False)]
    await relay.send_some()
    assert broker.told() == []


async def test_what_changes_nothing_is_not_told(catalogue: Catalogue, broker: Broker) -> None:
    relay = catalogue.relay(broker.producer())
    await catalogue.add(KETTLE)
    await relay.send_some()
    broker.told()
    await catalogue.add(KETTLE)
    await catalogue.replace(KETTLE, None)
    await catalogue.put_all([KETTLE])
    await relay.send_some()
    assert broker.told() == []


async def test_a_relay_killed_after_the_acknowledgement_tells_the_same_event_again(
    catalogue: Catalogue, broker: Broker
) -> None:
    class Killed(BaseException):
        pass

    async def dies(*_: object) -> None:
        raise Killed

    await catalogue.add(KETTLE)
    dying = catalogue.relay(broker.producer())
    dying._settle = dies  # type: ignore[method-assign,assignment]
    with pytest.raises(Killed):
        await dying.send_some()
    await catalogue.relay(broker.producer()).send_some()
    first, again = broker.told()
    assert first.id == again.id


async def test_a_product_that_changes_while_it_is_told_is_told_again(catalogue: Catalogue, broker: Broker) -> None:
    relay = catalogue.relay(broker.producer())
    await catalogue.add(KETTLE)
    settle = relay._settle

    async def meanwhile(*sent: Any) -> None:
        await catalogue.replace(replace(KETTLE, title="Red kettle"), 1)
        await settle(*sent)

    relay._settle = meanwhile  # type: ignore[method-assign,assignment]
    await relay.send_some()
    relay._settle = settle  # type: ignore[method-assign]
    await relay.send_some()
    assert versions(broker.told()) == [("B1", 1, False), ("B1", 2, False)]


async def test_nothing_is_lost_while_the_broker_is_away(catalogue: Catalogue, broker: Broker) -> None:
    relay = catalogue.relay(broker.producer())
    await catalogue.add(KETTLE)
    broker.error = KafkaError._MSG_TIMED_OUT
    with pytest.raises(BrokerUnreachable):
        await relay.send_some()
    broker.error = None
    await relay.send_some()
    assert versions(broker.told()) == [("B1", 1, False)]


async def test_a_refused_product_holds_up_no_other_and_is_tried_again(
    catalogue: Catalogue, broker: Broker, clock: FakeClock
) -> None:
    relay = catalogue.relay(broker.producer())
    await catalogue.add(KETTLE)
    broker.error = KafkaError.TOPIC_AUTHORIZATION_FAILED
    await relay.send_some()
    broker.error = None
    await catalogue.add(replace(KETTLE, sku="B2"))
    await relay.send_some()
    assert versions(broker.told()) == [("B2", 1, False)]
    assert REGISTRY.get_sample_value("outbox_poisoned") == 1
    clock.advance(timedelta(minutes=6).total_seconds())
    await relay.send_some()
    assert versions(broker.told()) == [("B1", 1, False)]


async def test_changes_by_a_release_without_the_mark_are_found_and_told(
    catalogue: Catalogue, broker: Broker, mongo: MongoSettings
) -> None:
    """Also the products that were there before there were events."""
    relay = catalogue.relay(broker.producer())
    await catalogue.put_all([KETTLE, replace(KETTLE, sku="B2")])
    await relay.send_some()
    broker.told()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo.url)
    products = client[mongo.database]["products"]
    await products.update_one({"_id": "B1"}, {"$set": {"title": "Red kettle"}, "$inc": {"version": 1}})
    await products.update_one({"_id": "B2"}, {"$unset": {"sent_version": ""}})
    await client.close()
    await relay.send_some()
    assert broker.told() == []
    await relay.mark_missed()
    await relay.mark_missed()
    await relay.send_some()
    assert sorted(versions(broker.told())) == [("B1", 2, False), ("B2", 1, False)]


async def test_a_change_reaches_a_real_broker_keyed_by_its_sku(catalogue: Catalogue) -> None:
    with stores.kafka_topics("product.changed") as (topic,):
        producer = EventProducer(stores.kafka_settings())
        relay = catalogue.relay(producer)
        event_of = relay._event_of
        relay._event_of = lambda document: replace(event_of(document), type=topic)
        await catalogue.add(KETTLE)
        await relay.send_some()
        await producer.close()
        options = {**independent_client(stores.kafka_settings()), "auto_offset_reset": "earliest"}
        consumer = KafkaConsumer(topic, consumer_timeout_ms=10_000, **options)
        record = next(consumer)
        consumer.close()
    assert record.key == b"B1"
    assert decode(record.value).data["version"] == 1


async def test_the_service_is_ready_without_its_broker(mongo: MongoSettings) -> None:
    away = KafkaSettings(bootstrap="127.0.0.1:9")
    app = create(Settings(mongo=mongo, kafka=away))
    products: Catalogue = app.state.catalogue
    await products.add(KETTLE)
    async with asgi_client(app) as client:
        with pytest.raises(BrokerUnreachable):
            await products.relay(EventProducer(away)).send_some()

        async def ready() -> bool:
            return (await client.get("/readyz")).status == 200

        await eventually(ready)
