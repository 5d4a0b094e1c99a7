"""Sends records to Kafka so that an aggregate's never overtake each other, and says what became of each.

confluent-kafka's calls block, so they run in one thread of their own; its asyncio producer was measured slower
(docs/decisions/0003-outbox-relay.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer

from amazonlite.common.core.settings import KafkaSettings
from amazonlite.common.events.envelope import CONTENT_TYPE
from amazonlite.common.events.kafka_client import client_config

MESSAGE_SECONDS = 5.0

_EVENT_HEADERS = [("content-type", CONTENT_TYPE.encode())]

# What no repetition cures. Anything else may be the broker's passing trouble and never poisons an event.
_PERMANENT = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.POLICY_VIOLATION,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._INVALID_ARG,
    }
)


class Record(NamedTuple):
    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]] = _EVENT_HEADERS


@dataclass(slots=True)
class Outcome:
    """Positions in what was sent, with the reason; a record in none of them was acknowledged."""

    refused: dict[int, str] = field(default_factory=dict)  # by the broker, for good
    unsent: dict[int, str] = field(default_factory=dict)  # send it again later
    behind: set[int] = field(default_factory=set)  # not tried: an earlier record of its key failed

    @property
    def any_failed(self) -> bool:
        return bool(self.refused or self.unsent or self.behind)

    def failed(self, position: int) -> bool:
        return position in self.refused or position in self.unsent or position in self.behind


class SendFailed(Exception):
    """The broker did not acknowledge the record; send it again later."""


class SendRefused(SendFailed):
    """The broker will not take the record as it is, now or later."""


class EventProducer:
    """Has at most one record of a key under way, so that the first failure of a key stops all behind it."""

    def __init__(self, kafka: KafkaSettings, *, client: Callable[[dict[str, Any]], Any] = Producer) -> None:
        self._make = client
        self.config = client_config(
            kafka,
            {
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 2,
                "message.timeout.ms": int(MESSAGE_SECONDS * 1000),
                "topic.metadata.propagation.max.ms": 1000,
                # Success needs no call into Python: what flush() leaves without an error was acknowledged.
                "delivery.report.only.error": True,
            },
        )
        self._client = client(self.config)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-producer")

    async def send(self, records: Sequence[Record]) -> Outcome:
        """Ends when every record was acknowledged or failed; that takes up to MESSAGE_SECONDS if the broker is away."""
        outcome = Outcome()
        failed: set[bytes] = set()
        rest: Sequence[int] = range(len(records))
        while rest:
            wave, rest = _first_of_each_key(records, rest)
            if failed:
                outcome.behind.update(wave.pop(key) for key in failed & wave.keys())
            failed.update(await self._deliver(records, wave, outcome))
            if outcome.unsent:  # the broker is away: what is left would only wait as long again
                outcome.behind.update(rest)
                break
        return outcome

    async def publish(self, record: Record) -> None:
        outcome = await self.send([record])
        for reason in outcome.refused.values():
            raise SendRefused(reason)
        for reason in outcome.unsent.values():
            raise SendFailed(reason)

    async def close(self) -> None:
        await self._flush(MESSAGE_SECONDS)
        self._thread.shutdown(wait=False)

    async def _deliver(self, records: Sequence[Record], wave: dict[bytes, int], outcome: Outcome) -> list[bytes]:
        """The keys that failed. A key occurs once in a wave, so it names the record."""
        failures: list[tuple[bytes, KafkaError]] = []

        def report(error: KafkaError | None, message: Any) -> None:
            if error is not None:
                failures.append((message.key(), error))

        # Queueing never blocks. Done in the thread, it would hold the interpreter's lock against the event loop.
        produce = self._client.produce
        for key, position in wave.items():
            topic, _, value, headers = records[position]
            try:
                produce(topic, value, key, headers=headers, on_delivery=report)
            except (KafkaException, BufferError) as error:
                failures.append((key, _kafka_error(error)))
        if await self._flush(2 * MESSAGE_SECONDS):
            failures += [(key, KafkaError(KafkaError._TIMED_OUT)) for key in wave]
        for key, failure in failures:
            (outcome.refused if failure.code() in _PERMANENT else outcome.unsent)[wave[key]] = failure.str()
        if any(failure.fatal() for _, failure in failures):
            self._client = self._make(self.config)  # an idempotent producer never works again after a fatal error
        return [key for key, _ in failures]

    async def _flush(self, seconds: float) -> int:
        """How many records are still neither acknowledged nor failed."""
        remaining: int = await asyncio.get_running_loop().run_in_executor(self._thread, self._client.flush, seconds)
        return remaining


def _first_of_each_key(records: Sequence[Record], positions: Sequence[int]) -> tuple[dict[bytes, int], list[int]]:
    wave: dict[bytes, int] = {}
    later: list[int] = []
    for position in positions:
        if wave.setdefault(records[position].key, position) != position:
            later.append(position)
    return wave, later


def _kafka_error(error: KafkaException | BufferError) -> KafkaError:
    return error.args[0] if isinstance(error, KafkaException) else KafkaError(KafkaError._QUEUE_FULL)
