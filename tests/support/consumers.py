"""Consumers on a topic of their own: events sent as an outsider would, and their effects counted in the database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from kafka import KafkaConsumer, KafkaProducer
from kafka.structs import OffsetAndMetadata, TopicPartition
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core import context
from amazonlite.common.core.clock import SystemClock
from amazonlite.common.core.event import Event, new_event
from amazonlite.common.core.ids import new_id
from amazonlite.common.core.settings import KafkaSettings
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory, unit_of_work_factory
from amazonlite.common.events.consumer import Consumer, ConsumerSettings
from amazonlite.common.events.envelope import encode
from amazonlite.common.events.handlers import AnyHandler, Grouped
from amazonlite.common.events.patience import Patience
from amazonlite.common.events.producer import EventProducer
from amazonlite.common.events.topics import dlq_of
from amazonlite.common.testing.stores import independent_client, root_cursor, suffix

TRIES = 3
QUICK = ConsumerSettings(
    poll_seconds=0.05,
    backoff_seconds=0.1,
    replay_seconds=0.05,
    patience=Patience(tries=TRIES, first_pause=0.05, longest_pause=0.2, passing_pause=0.05),
)

HEADERS = [("content-type", b"x"), ("origin", b"here")]


class ConsumerBench:
    def __init__(self, engine: AsyncEngine, kafka: KafkaSettings, topic: str, group: str = "") -> None:
        self.engine = engine
        self.kafka = kafka
        self.topic = topic
        self.group = group or f"test-{suffix()}"
        self.calls: Counter[str] = Counter()
        self.order: list[tuple[str, int]] = []
        self.correlations: set[str] = set()
        self.groups: list[Sequence[Event]] = []

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

    def events(self, count: int) -> list[Event]:
        """One each of as many aggregates, numbered."""
        return [self.event(f"ord_{number}", number) for number in range(count)]

    def send(self, *events: Event, partition: int | None = None) -> None:
        self.send_raw(*((event.subject.encode(), encode(event)) for event in events), partition=partition)

    def send_raw(self, *records: tuple[bytes, bytes], partition: int | None = None) -> None:
        producer = KafkaProducer(**independent_client(self.kafka))
        for key, value in records:
            producer.send(self.topic, value, key, headers=HEADERS, partition=partition)
        producer.flush()
        producer.close()

    async def effect(self, uow: UnitOfWork, event: Event) -> None:
        self.calls[event.id] += 1
        self.correlations.add(context.correlation_id.get())
        self.order.append((event.subject, event.data["number"]))
        await uow.execute(text("UPDATE outbox_shard SET fence = fence + 1 WHERE shard = 0"))

    async def group_effect(self, uow: UnitOfWork, events: Sequence[Event]) -> None:
        self.groups.append(events)
        for event in events:
            await self.effect(uow, event)

    async def effects(self) -> int:
        async with self.engine.connect() as connection:
            return int(await connection.scalar(text("SELECT fence FROM outbox_shard WHERE shard = 0")) or 0)

    async def parked(self) -> int:
        async with self.engine.connect() as connection:
            return int(await connection.scalar(text("SELECT COUNT(*) FROM inbox_parked")) or 0)

    async def inbox_rows(self) -> int:
        async with self.engine.connect() as connection:
            return int(await connection.scalar(text("SELECT COUNT(*) FROM inbox")) or 0)

    def consumer(
        self,
        handler: AnyHandler | None = None,
        factory: UnitOfWorkFactory | None = None,
        *,
        instance: str = "",
        settings: ConsumerSettings = QUICK,
    ) -> Consumer:
        return Consumer(
            self.kafka.model_copy(update={"instance": instance}),
            self.group,
            {self.topic: handler or self.effect},
            factory or unit_of_work_factory(self.engine),
            EventProducer(self.kafka),
            settings=settings,
        )

    def grouped(self, factory: UnitOfWorkFactory | None = None, *, instance: str = "") -> Consumer:
        return self.consumer(Grouped(self.group_effect), factory, instance=instance)

    def read_again(self) -> None:
        """The group, which must be without members, goes back to the topic's beginning."""
        reader = KafkaConsumer(**independent_client(self.kafka), group_id=self.group, enable_auto_commit=False)
        places = [TopicPartition(self.topic, partition) for partition in reader.partitions_for_topic(self.topic)]
        reader.assign(places)
        reader.commit({place: OffsetAndMetadata(0, "", -1) for place in places})
        reader.close()

    def put_aside(self) -> list[tuple[bytes, bytes, dict[str, str]]]:
        """(key, value, headers) of the dead letter topic."""
        reader = KafkaConsumer(**independent_client(self.kafka), enable_auto_commit=False)
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

    async def took(self, wanted: int) -> bool:
        return await self.effects() == wanted


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


class AwayAtFirst:
    """A factory whose first `times` units of work find no database."""

    def __init__(self, times: int, away: UnitOfWorkFactory, there: UnitOfWorkFactory) -> None:
        self._times = times
        self._away = away
        self._there = there
        self.asked = 0

    def __call__(self) -> UnitOfWork:
        self.asked += 1
        return self._away() if self.asked <= self._times else self._there()


def waits_for_a_lock(database: str) -> bool:
    """Whether a statement in this database is at work for a second already, which here only another one's row explains.

    InnoDB's own list of who waits is a copy that is not made anew while anybody looks at it ten times a second.
    """
    with root_cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM information_schema.processlist WHERE db = %s AND command = 'Query' AND time >= 1",
            (database,),
        )
        return cursor.fetchone() is not None
