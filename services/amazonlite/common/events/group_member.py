"""A member of a Kafka consumer group: polls messages, commits what was taken and reads again what was not.

The client's calls block, so all of them run in one thread. Rebalances happen within `poll` only, when everything polled
before is settled.

A member that is killed is replaced when its session ends. With an instance id it gets its partitions back as soon as it
is started again, whatever is left of that session.

A member whose session ended joins again. A broker that is just starting may lose that request, and the client would
wait for its answer as long as it may take the slowest member to join: MAX_POLL_MS. So it is opened anew before.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from confluent_kafka import Consumer as Kafka
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from amazonlite.common.core.settings import KafkaSettings
from amazonlite.common.events.kafka_client import client_config
from amazonlite.common.observe.logs import get_logger

T = TypeVar("T")

SESSION_MS = 6000  # the least that brokers accept as delivered
HEARTBEAT_MS = 1500
# How long a member may work between two polls, and so how long others wait for it to join; a batch that takes longer,
# while the database hangs, costs it its place until it polls again.
MAX_POLL_MS = 30_000
LOST_SECONDS = 8.0  # longer than the sessions of those who have to join with it
LEAVE_SECONDS = 2.0

# The partition went to another member, which starts at the last commit.
_NOT_OURS = frozenset({KafkaError._STATE, KafkaError._UNKNOWN_PARTITION, KafkaError._UNKNOWN_TOPIC})

log = get_logger(__name__)


class GroupMember:
    def __init__(
        self,
        kafka: KafkaSettings,
        group: str,
        topics: Sequence[str],
        *,
        batch: int,
        poll_seconds: float,
        lost_seconds: float = LOST_SECONDS,
    ) -> None:
        """Without its partitions for `lost_seconds` after its session ended, the client is opened anew."""
        self._topics = list(topics)
        self._batch = batch
        self._poll_seconds = poll_seconds
        self._lost_seconds = lost_seconds
        self._lost_at: float | None = None
        self._static = bool(kafka.instance)
        self._config = client_config(kafka, _membership(kafka, group))

    async def open(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-consumer")
        self._open()

    async def poll(self) -> list[Message]:
        """At most a batch. KafkaException once the client will never work again, as when another process came with
        the same instance id."""
        return await self._call(self._poll)

    async def settle(self, messages: Sequence[Message], undone: Sequence[Message]) -> None:
        """Commits up to the first undone message of each partition, and reads on from there."""
        if messages:
            await self._call(self._settle, messages, undone)

    async def close(self) -> None:
        """The partitions are free for other members when this returns, if the broker answers in time."""
        try:
            await self._call(self._close)
        finally:
            self._thread.shutdown(wait=False)

    async def _call(self, function: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _open(self) -> None:
        self._lost_at = None
        self._kafka = Kafka(self._config)
        self._kafka.subscribe(self._topics, on_assign=self._assigned, on_lost=self._lost)

    def _assigned(self, _client: Kafka, _partitions: Sequence[TopicPartition]) -> None:
        self._lost_at = None

    def _lost(self, _client: Kafka, _partitions: Sequence[TopicPartition]) -> None:
        self._lost_at = time.monotonic()

    def _open_anew_if_lost(self) -> None:
        if self._lost_at is not None and time.monotonic() - self._lost_at > self._lost_seconds:
            log.warning("kafka_opened_anew", seconds=self._lost_seconds)
            self._kafka.close()
            self._open()

    def _poll(self) -> list[Message]:
        self._open_anew_if_lost()
        # consume() waits for a full batch, so only the first message is waited for.
        first = self._kafka.poll(self._poll_seconds)
        polled = [first, *self._kafka.consume(self._batch - 1, 0)] if first is not None else []
        for message in polled:
            _raise_fatal(message.error())
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

    def _close(self) -> None:
        try:
            if self._static:
                self._leave()
        except (KafkaException, RuntimeError) as error:  # the latter where it could not be opened anew
            log.warning("group_not_left", reason=str(error))
        finally:
            self._kafka.close()

    def _leave(self) -> None:
        """close() alone keeps a static member's place until its session ends; one that unsubscribes leaves."""
        self._kafka.unsubscribe()
        deadline = time.monotonic() + LEAVE_SECONDS
        while self._kafka.memberid() and time.monotonic() < deadline:
            self._kafka.poll(0.02)


def _membership(kafka: KafkaSettings, group: str) -> Mapping[str, Any]:
    return {
        "group.id": group,
        **({"group.instance.id": kafka.instance} if kafka.instance else {}),
        "session.timeout.ms": SESSION_MS,
        "heartbeat.interval.ms": HEARTBEAT_MS,
        "max.poll.interval.ms": MAX_POLL_MS,
        "partition.assignment.strategy": "cooperative-sticky",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "topic.metadata.refresh.interval.ms": 10_000,
        "fetch.wait.max.ms": 100,
        "queued.max.messages.kbytes": 4096,
    }


def _raise_fatal(error: KafkaError | None) -> None:
    if error is None:
        return
    if error.fatal() or error.code() == KafkaError._FATAL:
        raise KafkaException(error)
    log.warning("kafka_trouble", reason=error.str())


def _place(message: Message) -> tuple[tuple[str, int], int]:
    return (message.topic() or "", message.partition() or 0), message.offset() or 0


def _partitions(offsets: Mapping[tuple[str, int], int]) -> list[TopicPartition]:
    return [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
