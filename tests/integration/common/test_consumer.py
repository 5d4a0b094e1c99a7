"""The consumer against the real database and broker: one effect an event, patience with stores, the rest put aside."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.structs import TopicPartition
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core import context
from amazonlite.common.core.clock import SystemClock
from amazonlite.common.core.errors import Conflict
from amazonlite.common.core.event import Event, new_event
from amazonlite.common.core.ids import new_id
from amazonlite.common.core.settings import KafkaSettings, MysqlSettings
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory, unit_of_work_factory
from amazonlite.common.events.consumer import Consumer, ConsumerSettings, Handler
from amazonlite.common.events.envelope import encode
from amazonlite.common.events.producer import EventProducer
from amazonlite.common.events.topics import dlq_of
from amazonlite.common.testing.eventually import eventually
from amazonlite.common.testing.stores import kafka_topics, suffix

pytestmark = pytest.mark.stores

QUICK = ConsumerSettings(poll_seconds=0.05, backoff_seconds=0.1)


class Desk:
    """Sends events as an outsider would, and counts their effects in the database."""

    def __init__(self, engine: AsyncEngine, kafka: KafkaSettings, topic: str) -> None:
        self.engine = engine
        self.kafka = kafka
        self.topic = topic
        self.group = f"test-{suffix()}"
        self.calls: Counter[str] = Counter()
        self.order: list[tuple[str, int]] = []
        self.correlations: set[str] = set()

    def event(self, subject: str = "ord_1", number: int = 0) -> Event:
        return new_event(
            self.topic,
            subject,
            {"number": number},
            source="/test",
            clock=SystemClock(),
            ids=new_id,
            correlation_id=f"cor-{subject}",
        )

    def send(self, *events: Event) -> None:
        self.send_raw(*((event.subject.encode(), encode(event)) for event in events))

    def send_raw(self, *records: tuple[bytes, bytes]) -> None:
        producer = KafkaProducer(bootstrap_servers=self.kafka.bootstrap)
        for key, value in records:
            producer.send(self.topic, value, key, headers=[("content-type", b"x"), ("origin", b"here")])
        producer.flush()
        producer.close()

    async def effect(self, uow: UnitOfWork, event: Event) -> None:
        self.calls[event.id] += 1
        self.correlations.add(context.correlation_id.get())
        self.order.append((event.subject, event.data["number"]))
        await uow.execute(text("UPDATE outbox_shard SET fence = fence + 1 WHERE shard = 0"))

    async def effects(self) -> int:
        async with self.engine.connect() as connection:
            return int(await connection.scalar(text("SELECT fence FROM outbox_shard WHERE shard = 0")) or 0)

    def consumer(self, handler: Handler | None = None, factory: UnitOfWorkFactory | None = None) -> Consumer:
        return Consumer(
            self.kafka,
            self.group,
            {self.topic: handler or self.effect},
            factory or unit_of_work_factory(self.engine),
            EventProducer(self.kafka),
            settings=QUICK,
        )

    def put_aside(self) -> list[tuple[bytes, bytes, dict[str, str]]]:
        """(key, value, headers) of the dead letter topic."""
        reader = KafkaConsumer(bootstrap_servers=self.kafka.bootstrap, enable_auto_commit=False)
        place = TopicPartition(dlq_of(self.topic), 0)
        reader.assign([place])
        reader.seek_to_beginning(place)
        end, found = reader.end_offsets([place])[place], []
        while reader.position(place) < end:
            found += reader.poll(timeout_ms=500).get(place, [])
        reader.close()
        return [
            (record.key, record.value, {name: value.decode() for name, value in record.headers}) for record in found
        ]


@pytest.fixture
def desk(
    common_mysql: MysqlSettings, engine_for: Callable[[MysqlSettings], AsyncEngine], kafka: KafkaSettings
) -> Iterator[Desk]:
    with kafka_topics("consumer") as [topic]:
        yield Desk(engine_for(common_mysql), kafka, topic)


@asynccontextmanager
async def running(*consumers: Consumer) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(consumer.run()) for consumer in consumers]
    try:
        yield tasks
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_an_event_delivered_twice_takes_effect_once(desk: Desk) -> None:
    event, last = desk.event(), desk.event(number=1)
    desk.send(event, event, last)
    async with running(desk.consumer()):
        await eventually(lambda: desk.calls[last.id], within=20)
        await eventually(lambda: _is(desk.effects, 2))
    assert desk.calls == {event.id: 1, last.id: 1}
    assert desk.correlations == {"cor-ord_1"}


async def test_an_aggregates_events_take_effect_in_order(desk: Desk) -> None:
    subjects = [f"ord_{number}" for number in range(10)]
    desk.send(*(desk.event(subject, number) for number in range(10) for subject in subjects))
    async with running(desk.consumer()):
        await eventually(lambda: len(desk.order) == 100, within=20)
    for subject in subjects:
        assert [number for of, number in desk.order if of == subject] == list(range(10))


async def test_after_a_restart_it_goes_on_where_it_stopped(desk: Desk) -> None:
    desk.send(*(desk.event(f"ord_{number}") for number in range(20)))
    async with running(desk.consumer()):
        await eventually(lambda: _is(desk.effects, 20), within=20)
    desk.send(desk.event("ord_new"))
    async with running(desk.consumer()):
        await eventually(lambda: _is(desk.effects, 21), within=20)


async def test_what_keeps_failing_is_put_aside_and_the_rest_goes_on(desk: Desk) -> None:
    async def refuses_the_first(uow: UnitOfWork, event: Event) -> None:
        await desk.effect(uow, event)
        if event.data["number"] == 0:
            raise Conflict("never in this state")

    first, second = desk.event(number=0), desk.event(number=1)
    desk.send(first, second)
    async with running(desk.consumer(refuses_the_first)):
        await eventually(lambda: desk.calls[second.id], within=20)
        await eventually(lambda: _is(desk.effects, 1))
    assert desk.calls == {first.id: 3, second.id: 1}
    [(key, value, headers)] = desk.put_aside()
    assert (key, value) == (b"ord_1", encode(first))
    assert headers["error"] == "Conflict: never in this state"
    assert (headers["tries"], headers["consumer"], headers["topic"]) == ("3", desk.group, desk.topic)
    assert headers["origin"] == "here"


async def test_what_is_no_event_is_put_aside_at_once(desk: Desk) -> None:
    good = desk.event()
    desk.send_raw((b"ord_1", b"{not json"), (b"ord_1", encode(good)))
    async with running(desk.consumer()):
        await eventually(lambda: desk.calls[good.id], within=20)
    [(key, value, headers)] = desk.put_aside()
    assert (key, value, headers["tries"]) == (b"ord_1", b"{not json", "1")
    assert headers["error"].startswith("MalformedEvent")


async def test_while_the_database_refuses_connections_events_wait(
    desk: Desk, common_mysql: MysqlSettings, engine_for: Callable[[MysqlSettings], AsyncEngine]
) -> None:
    nobody = unit_of_work_factory(engine_for(common_mysql.model_copy(update={"port": 1})))
    somebody = unit_of_work_factory(desk.engine)
    refused = 0

    def factory() -> UnitOfWork:
        nonlocal refused
        refused += 1
        return nobody() if refused <= 6 else somebody()

    events = [desk.event("ord_1", number) for number in range(3)]
    desk.send(*events)
    async with running(desk.consumer(factory=factory)):
        await eventually(lambda: _is(desk.effects, 3), within=20)
    assert refused > 6
    assert [number for _, number in desk.order] == [0, 1, 2]
    assert desk.put_aside() == []


async def test_two_members_of_a_group_share_the_work_and_each_event_counts_once(desk: Desk) -> None:
    async with running(desk.consumer(), desk.consumer()):
        for batch in range(5):
            desk.send(*(desk.event(f"ord_{number}", batch) for number in range(20)))
        await eventually(lambda: _is(desk.effects, 100), within=30)
    assert await desk.effects() == 100


async def _is(count: Callable[[], Awaitable[int]], wanted: int) -> bool:
    return await count() == wanted
