"""How fast the relay drains an outbox, beside the same work without any of its guarantees.

The other side reads, produces and deletes the same rows with the same clients and waits for nothing: no lease, no
order, no acknowledgement before an event is forgotten. That is the limit of this machine; producing from memory,
without a database, is shown too.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence

from confluent_kafka import Producer
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.clock import SystemClock
from amazonlite.common.core.event import Event, new_event
from amazonlite.common.core.ids import derive_id, new_id
from amazonlite.common.data.engine import create_engine
from amazonlite.common.data.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from amazonlite.common.events.envelope import CONTENT_TYPE, encode
from amazonlite.common.events.producer import EventProducer, Record
from amazonlite.common.events.relay import SENT, Relay
from amazonlite.common.observe.memory import settle_memory
from amazonlite.common.testing import stores
from amazonlite.common.testing.eventually import eventually

EVENTS = 20_000
ORDERS = 5_000
RUNS = 5
WANTED = 0.7
SENT_TOTAL = "outbox_sent_total"
_HEADERS = [("content-type", CONTENT_TYPE.encode())]
# In the order of the key, which is neither an aggregate's nor any other that a consumer could rely on.
# Behind the last row read, since looking again over rows just deleted would cost the limit a quarter.
_NEXT = (
    "SELECT o.shard, o.seq, o.aggregate_id, o.topic, o.payload FROM (SELECT seq FROM outbox_pending"
    " WHERE (shard = {shard} AND seq > {seq}) OR shard > {shard} ORDER BY shard, seq LIMIT 500) p"
    " STRAIGHT_JOIN outbox o ON o.seq = p.seq"
)
_FORGET = "DELETE FROM outbox_pending ORDER BY shard, seq LIMIT 500"


async def run() -> list[dict[str, object]]:
    settle_memory()  # as a service's process does after its start; else one look of the collector costs a drain a third
    kafka = stores.kafka_settings()
    mysql = stores.create_common_database()
    engine = create_engine(mysql)
    producer = EventProducer(kafka)
    try:
        with stores.kafka_topics("bench-a", "bench-b") as topics:
            records = [Record(event.type, event.subject.encode(), encode(event)) for event in _events(topics)]
            client = Producer(producer.config)
            _produce(client, records[:500])  # connects and learns the topics
            await producer.send(records[:500])
            ours, bare, raw = [], [], []
            for _ in range(RUNS):
                raw.append(_produce(client, records))
                bare.append(await _carry(engine, client, _events(topics)))
                ours.append(await _drain(engine, producer, _events(topics)))
    finally:
        await producer.close()
        await engine.dispose()
        stores.drop_database(mysql)
    rate = statistics.median(ours)
    return [
        _row(rate, statistics.median(bare), "read, produce and delete the rows, no guarantees", WANTED),
        _row(rate, statistics.median(raw), "confluent-kafka, the same records from memory", None),
    ]


def _events(topics: Sequence[str]) -> list[Event]:
    """The life of each order in turn, as a busy hour leaves it in the outbox."""
    orders = [derive_id("ord", "bench", str(number)) for number in range(ORDERS)]
    lines = [
        {"sku": f"B0{line:08d}", "quantity": 1, "unitPrice": {"amount": 1999, "currency": "EUR"}} for line in range(2)
    ]
    return [
        new_event(
            topics[step % len(topics)],
            order,
            {"orderId": order, "customerId": derive_id("usr", order), "lines": lines},
            source="/order",
            clock=SystemClock(),
            ids=new_id,
        )
        for step in range(EVENTS // ORDERS)
        for order in orders
    ]


def _produce(client: Producer, records: Sequence[Record]) -> float:
    """Events a second, all acknowledged."""
    started = time.perf_counter()
    for record in records:
        client.produce(record.topic, record.value, record.key, headers=[*record.headers])
    client.flush()
    return len(records) / (time.perf_counter() - started)


async def _carry(engine: AsyncEngine, client: Producer, events: list[Event]) -> float:
    """Events a second from the first row read to the last one deleted and on the broker."""
    factory = unit_of_work_factory(engine)
    await _fill(factory, events)
    started = time.perf_counter()
    shard = seq = 0
    while True:
        async with factory() as uow:
            rows = (await uow.driver_sql(_NEXT.format(shard=shard, seq=seq))).all()
            if not rows:
                break
            for _, _, key, topic, payload in rows:
                client.produce(topic, payload, key.encode(), headers=_HEADERS)
            shard, seq = rows[-1][:2]
            await uow.driver_sql(_FORGET)
            await uow.commit()
    client.flush()
    return len(events) / (time.perf_counter() - started)


async def _fill(factory: UnitOfWorkFactory, events: list[Event]) -> None:
    for first in range(0, len(events), 500):
        async with factory() as uow:
            await uow.add_events(events[first : first + 500])
            await uow.commit()


async def _drain(engine: AsyncEngine, producer: EventProducer, events: list[Event]) -> float:
    """Events a second from the relay's first look at a full outbox to the last one settled."""
    factory = unit_of_work_factory(engine)
    await _fill(factory, events)
    relay = Relay(engine, producer)
    before = _sent()
    started = time.perf_counter()
    running = asyncio.create_task(relay.run())
    await eventually(lambda: _sent() - before >= len(events), within=60, every=0.005)
    seconds = time.perf_counter() - started
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return len(events) / seconds


def _sent() -> float:
    """Counted once an event is acknowledged and settled. Looking at the table would cost the relay a tenth; at all
    metrics of the process, which takes 1.2 ms each of 200 times a second, a fifth.
    """
    return next(sample.value for metric in SENT.collect() for sample in metric.samples if sample.name == SENT_TOTAL)


def _row(ours: float, other: float, name: str, wanted: float | None) -> dict[str, object]:
    ratio = round(ours / other, 3)
    return {
        "job": f"relay: drain {EVENTS:,} outbox events",
        "unit": "events/s",
        "ours": round(ours),
        "other": round(other),
        "otherName": name,
        "ratio": ratio,
        "wanted": wanted,
        "holds": wanted is None or ratio >= wanted,
    }
