"""How long an event takes from its commit to a consumer, through the outbox, the relay and Kafka.

Writer, relay and consumer share this process, as a service's do, and its event loop: what they cost each other is in
the figures. Events are committed in small transactions at an even pace, whether or not those before have arrived.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from threading import Event as Flag
from typing import Any

from confluent_kafka import Consumer

from amazonlite.common.core.clock import SystemClock
from amazonlite.common.core.event import Event, new_event
from amazonlite.common.core.ids import new_id
from amazonlite.common.core.settings import KafkaSettings
from amazonlite.common.core.tasks import stop
from amazonlite.common.data.engine import create_engine
from amazonlite.common.data.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from amazonlite.common.events.envelope import decode
from amazonlite.common.events.kafka_client import client_config
from amazonlite.common.events.producer import EventProducer
from amazonlite.common.events.relay import Relay
from amazonlite.common.testing import stores
from amazonlite.common.testing.eventually import eventually
from load.pace import at_pace

RATES = (10, 1_000, 10_000)
SECONDS = 5
MOST_BEATS = 100  # transactions a second
WANTED = {(1_000, 99): 0.150}


@dataclass(slots=True)
class Arrivals:
    """When each event was seen by the consumer, in seconds of the monotonic clock, by its id."""

    kafka: KafkaSettings
    topic: str
    seen: dict[str, float] = field(default_factory=dict)
    assigned: Flag = field(default_factory=Flag)
    ended: Flag = field(default_factory=Flag)

    def consume(self) -> None:
        config = {"group.id": new_id("bench"), "auto.offset.reset": "earliest", "enable.auto.commit": False}
        consumer = Consumer(client_config(self.kafka, config))
        consumer.subscribe([self.topic], on_assign=lambda *_: self.assigned.set())
        try:
            while not self.ended.is_set():
                for message in consumer.consume(500, timeout=0.05):
                    if message.error() is None:
                        self.seen.setdefault(decode(message.value() or b"").id, time.perf_counter())
        finally:
            consumer.close()


async def run() -> list[dict[str, Any]]:
    """p50 and p99 in ms for each pace."""
    kafka, mysql = stores.kafka_settings(), stores.create_common_database()
    engine, producer = create_engine(mysql), EventProducer(kafka)
    try:
        with stores.kafka_topics("bench-delivery") as (topic,):
            relay = Relay(engine, producer)
            relaying = asyncio.create_task(relay.run())
            factory = unit_of_work_factory(engine, relay.wake)
            rows = [row for rate in RATES for row in _rows(rate, await _measured(kafka, topic, factory, rate))]
            await stop([relaying])
    finally:
        await producer.close()
        await engine.dispose()
        stores.drop_database(mysql)
    return rows


async def _measured(kafka: KafkaSettings, topic: str, factory: UnitOfWorkFactory, rate: int) -> list[float]:
    """Seconds from commit to consumer, sorted."""
    arrivals = Arrivals(kafka, topic)
    consuming = asyncio.create_task(asyncio.to_thread(arrivals.consume))
    await eventually(arrivals.assigned.is_set, within=30, every=0.05, what="the consumer's partitions")
    committed: dict[str, float] = {}
    beats = min(rate, MOST_BEATS)

    async def commit(_beat: int) -> None:
        events = [_event(topic) for _ in range(rate // beats)]
        async with factory() as uow:
            await uow.add_events(events)
            await uow.commit()
        at = time.perf_counter()
        committed.update({event.id: at for event in events})

    try:
        await at_pace(commit, beats=beats, seconds=SECONDS)
        await eventually(
            lambda: committed.keys() <= arrivals.seen.keys(), within=60, every=0.1, what="every event at the consumer"
        )
    finally:
        arrivals.ended.set()
        await consuming
    return sorted(max(0.0, arrivals.seen[event] - at) for event, at in committed.items())


def _event(topic: str) -> Event:
    order = new_id("ord")
    return new_event(topic, order, {"orderId": order}, source="/order", clock=SystemClock(), ids=new_id)


def _rows(rate: int, seconds: list[float]) -> list[dict[str, Any]]:
    return [_row(rate, percentile, seconds[len(seconds) * percentile // 100]) for percentile in (50, 99)]


def _row(rate: int, percentile: int, seconds: float) -> dict[str, Any]:
    wanted = WANTED.get((rate, percentile))
    return {
        "job": f"commit to consumer, p{percentile} at {rate:,} events/s",
        "unit": "ms",
        "ours": round(seconds * 1000, 1),
        "other": wanted and wanted * 1000,
        "otherName": "the promised limit" if wanted else "nothing is promised",
        "ratio": wanted and round(wanted / seconds, 2),
        "wanted": wanted and 1.0,
        "holds": wanted is None or seconds <= wanted,
    }
