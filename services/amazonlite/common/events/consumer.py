"""Takes effect of each event once per consumer group, an aggregate's events in order.

The event's id is stored in the transaction of its effect, so that repeats change nothing. While a store is away the
consumer waits. What keeps failing otherwise is put aside on `<topic>.dlq.v1`, and the rest goes on.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar, cast

from confluent_kafka import Consumer as Kafka
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition
from prometheus_client import Counter

from amazonlite.common.core import context
from amazonlite.common.core.errors import Unavailable
from amazonlite.common.core.event import Event
from amazonlite.common.core.settings import KafkaSettings
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory, in_transaction
from amazonlite.common.events.envelope import MalformedEvent, decode
from amazonlite.common.events.inbox import first_time
from amazonlite.common.events.kafka_client import client_config
from amazonlite.common.events.producer import EventProducer, Record, SendFailed
from amazonlite.common.events.topics import dlq_of
from amazonlite.common.observe.logs import get_logger
from amazonlite.common.observe.tracing import span

T = TypeVar("T")

Handler = Callable[[UnitOfWork, Event], Awaitable[None]]

CONSUMED = Counter("events_consumed_total", "Events taken from Kafka", ["topic", "outcome"])

# The partition went to another member, which starts at the last commit.
_NOT_OURS = frozenset({KafkaError._STATE, KafkaError._UNKNOWN_PARTITION, KafkaError._UNKNOWN_TOPIC})

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ConsumerSettings:
    batch: int = 100
    at_once: int = 6  # aggregates; each needs a database connection
    poll_seconds: float = 0.5
    tries: int = 3
    backoff_seconds: float = 5.0  # at most, while a store or the broker is away


class Consumer:
    def __init__(
        self,
        kafka: KafkaSettings,
        group: str,
        handlers: Mapping[str, Handler],
        factory: UnitOfWorkFactory,
        producer: EventProducer,
        *,
        check: Callable[[Event], None] | None = None,
        settings: ConsumerSettings | None = None,
    ) -> None:
        """`handlers` by topic; `check` raises MalformedEvent on an event that breaks its schema."""
        self._settings = settings or ConsumerSettings()
        self._client = _Client(kafka, group, list(handlers), self._settings)
        self._group = group
        self._handlers = handlers
        self._factory = factory
        self._producer = producer
        self._check = check
        self._slots = asyncio.Semaphore(self._settings.at_once)

    async def run(self) -> None:
        failures = 0
        await self._client.open()
        try:
            while True:
                messages = await self._client.poll()
                undone = await self._take_all(messages)
                await self._client.settle(messages, undone)
                failures = failures + 1 if undone else 0
                if undone:
                    log.warning("events_wait", group=self._group, count=len(undone), failures=failures)
                    await asyncio.sleep(min(self._settings.backoff_seconds, 0.1 * 2**failures))
        finally:
            await self._client.close()

    async def _take_all(self, messages: Sequence[Message]) -> list[Message]:
        """Those that could not be taken now. Aggregates go on side by side, each in its own order."""
        by_key: dict[object, list[Message]] = defaultdict(list)
        for message in messages:
            by_key[message.key() or (message.topic(), message.partition())].append(message)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._take_in_order(same_key)) for same_key in by_key.values()]
        return [message for task in tasks for message in task.result()]

    async def _take_in_order(self, messages: Sequence[Message]) -> Sequence[Message]:
        async with self._slots:
            for position, message in enumerate(messages):
                try:
                    outcome = await self._take(message)
                except (Unavailable, SendFailed) as error:
                    log.warning("event_waits", topic=message.topic(), group=self._group, reason=str(error))
                    return messages[position:]
                CONSUMED.labels(message.topic(), outcome).inc()
        return ()

    async def _take(self, message: Message) -> str:
        try:
            event = decode(message.value() or b"")
            if self._check is not None:
                self._check(event)
        except MalformedEvent as error:
            return await self._put_aside(message, error, tries=1)
        context.correlation_id.set(event.correlation_id)  # each aggregate's task has a context of its own
        with span(f"consume {message.topic()}", kind="consumer", parent=event.traceparent or None):
            return await self._try(message, event)

    async def _try(self, message: Message, event: Event) -> str:
        handler = self._handlers[message.topic() or ""]
        tries = 0
        while True:
            try:
                first = await in_transaction(self._factory, lambda uow: self._once(uow, event, handler))
                return "done" if first else "repeated"
            except Unavailable:
                raise
            except Exception as error:
                tries += 1
                if tries == self._settings.tries:
                    return await self._put_aside(message, error, tries)
            await asyncio.sleep(random.uniform(0, 0.1 * 2**tries))

    async def _once(self, uow: UnitOfWork, event: Event, handler: Handler) -> bool:
        first = await first_time(uow, self._group, event.id)
        if first:
            await handler(uow, event)
        return first

    async def _put_aside(self, message: Message, error: Exception, tries: int) -> str:
        topic = message.topic() or ""
        log.error("event_put_aside", topic=topic, group=self._group, tries=tries, exc_info=error)
        about = {
            "error": f"{type(error).__name__}: {error}"[:500],
            "tries": str(tries),
            "consumer": self._group,
            "topic": topic,
            "partition": str(message.partition()),
            "offset": str(message.offset()),
        }
        received = cast("list[tuple[str, bytes]]", message.headers() or [])
        original = [header for header in received if header[0] not in about]
        headers = [*original, *((name, value.encode()) for name, value in about.items())]
        await self._producer.publish(Record(dlq_of(topic), message.key() or b"", message.value() or b"", headers))
        return "put_aside"


class _Client:
    """The Kafka client; its calls block, so all of them run in one thread. Rebalances happen within `poll` only, when
    everything polled before is settled."""

    def __init__(self, kafka: KafkaSettings, group: str, topics: list[str], settings: ConsumerSettings) -> None:
        self._topics = topics
        self._settings = settings
        self._config = client_config(
            kafka,
            {
                "group.id": group,
                "partition.assignment.strategy": "cooperative-sticky",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "topic.metadata.refresh.interval.ms": 10_000,
                "fetch.wait.max.ms": 100,
                "queued.max.messages.kbytes": 4096,
            },
        )

    async def open(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-consumer")
        self._kafka = Kafka(self._config)
        self._kafka.subscribe(self._topics)

    async def poll(self) -> list[Message]:
        return await self._call(self._poll)

    async def settle(self, messages: Sequence[Message], undone: Sequence[Message]) -> None:
        """Commits up to the first undone message of each partition, and reads on from there."""
        if messages:
            await self._call(self._settle, messages, undone)

    async def close(self) -> None:
        await self._call(self._kafka.close)
        self._thread.shutdown(wait=False)

    async def _call(self, function: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _poll(self) -> list[Message]:
        # consume() waits for a full batch, so only the first message is waited for.
        first = self._kafka.poll(self._settings.poll_seconds)
        polled = [first, *self._kafka.consume(self._settings.batch - 1, 0)] if first is not None else []
        for message in polled:
            error = message.error()
            if error is not None and error.fatal():
                raise KafkaException(error)
            if error is not None:
                log.warning("kafka_trouble", reason=error.str())
        return [message for message in polled if message.error() is None]

    def _settle(self, messages: Sequence[Message], undone: Sequence[Message]) -> None:
        again: dict[tuple[str, int], int] = {}
        for message in undone:
            place, offset = _place(message)
            again[place] = min(offset, again.get(place, offset))
        ends = {place: offset + 1 for place, offset in map(_place, messages)}
        try:
            self._kafka.commit(offsets=_partitions(ends | again), asynchronous=False)
        except KafkaException as error:  # the next commit covers it, or another member repeats what the inbox knows
            log.warning("offsets_not_committed", reason=str(error))
        for partition in _partitions(again):
            self._go_back(partition)

    def _go_back(self, partition: TopicPartition) -> None:
        try:
            self._kafka.seek(partition)
        except KafkaException as error:
            if error.args[0].code() not in _NOT_OURS:
                raise
            log.warning("partition_went_away", topic=partition.topic, partition=partition.partition)


def _place(message: Message) -> tuple[tuple[str, int], int]:
    return (message.topic() or "", message.partition() or 0), message.offset() or 0


def _partitions(offsets: Mapping[tuple[str, int], int]) -> list[TopicPartition]:
    return [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
