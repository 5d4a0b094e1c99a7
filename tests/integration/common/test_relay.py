"""The relay against the real database and broker: nothing lost, nothing overtaken, one bad event stops only its own."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import pytest
from kafka import KafkaConsumer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.clock import SystemClock
from amazonlite.common.core.event import Event, new_event
from amazonlite.common.core.ids import new_id
from amazonlite.common.core.settings import KafkaSettings, MysqlSettings
from amazonlite.common.data.unit_of_work import UnitOfWork, shard_of, unit_of_work_factory
from amazonlite.common.events.leases import Leases
from amazonlite.common.events.outbox import next_rows
from amazonlite.common.events.producer import EventProducer, Outcome, Record
from amazonlite.common.events.relay import Relay, RelaySettings
from amazonlite.common.testing.eventually import eventually
from amazonlite.common.testing.stores import independent_client, kafka_topics
from support.relays import arrived, relaying

pytestmark = pytest.mark.stores

QUICK = RelaySettings(batch=50, poll_seconds=0.02, refresh_seconds=0.1, retry_seconds=0.01, attempts=5)


class Outbox:
    """Writes numbered events of aggregates and reads what reached the topics."""

    def __init__(self, engine: AsyncEngine, kafka: KafkaSettings, topics: Sequence[str]) -> None:
        self.engine = engine
        self.kafka = kafka
        self.topics = topics
        self._next: dict[str, int] = defaultdict(int)

    def event(self, aggregate: str, topic: str | None = None, padding: str = "") -> Event:
        number = self._next[aggregate]
        self._next[aggregate] += 1
        data = {"number": number, "padding": padding}
        type = topic or self.topics[number % len(self.topics)]
        return new_event(type, aggregate, data, source="/test", clock=SystemClock(), ids=new_id)

    async def write(self, *events: Event) -> None:
        async with unit_of_work_factory(self.engine)() as uow:
            await uow.add_events(events)
            await uow.commit()

    async def scalar(self, sql: str) -> int:
        async with self.engine.connect() as connection:
            return int(await connection.scalar(text(sql)) or 0)

    async def empty(self) -> bool:
        return await self.scalar("SELECT COUNT(*) FROM outbox_pending") == 0

    def arrivals(self) -> list[tuple[str, str, int]]:
        """(event id, aggregate, number) in the order of arrival at the broker, duplicates included."""
        found = arrived(self.kafka, self.topics)
        return [(body["id"], body["subject"], body["data"]["number"]) for body in found]

    def numbers(self) -> dict[str, list[int]]:
        """Per aggregate, the numbers in the order of first arrival; for tests with one topic."""
        seen: set[str] = set()
        numbers: dict[str, list[int]] = defaultdict(list)
        for id, aggregate, number in self.arrivals():
            if id not in seen:
                seen.add(id)
                numbers[aggregate].append(number)
        return numbers


@pytest.fixture
def outbox(
    common_mysql: MysqlSettings, engine_for: Callable[[MysqlSettings], AsyncEngine], kafka: KafkaSettings
) -> Iterator[Outbox]:
    with kafka_topics("relay") as topics:
        yield Outbox(engine_for(common_mysql), kafka, topics)


async def _nothing() -> None:
    """A killed process says no goodbye."""


async def kill(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class RecordingProducer(EventProducer):
    """Notes the order in which records are handed to the broker, and whose they are."""

    def __init__(self, kafka: KafkaSettings) -> None:
        super().__init__(kafka)
        self.batches: list[list[Record]] = []

    async def send(self, records: Sequence[Record]) -> Outcome:
        self.batches.append(list(records))
        return await super().send(records)


class DiesAfterAck(EventProducer):
    """The broker has acknowledged and the process dies before the database hears of it."""

    def __init__(self, kafka: KafkaSettings) -> None:
        super().__init__(kafka)
        self.acknowledged = asyncio.Event()

    async def send(self, records: Sequence[Record]) -> Outcome:
        await super().send(records)
        self.acknowledged.set()
        return await asyncio.Future()


class SlowProducer(EventProducer):
    """Takes its time for each batch, so that the relay never comes to the end of a backlog."""

    async def send(self, records: Sequence[Record]) -> Outcome:
        await asyncio.sleep(0.05)
        return await super().send(records)


async def test_an_event_arrives_as_a_cloud_event_under_its_aggregates_key(outbox: Outbox) -> None:
    await outbox.write(outbox.event("ord_1"))
    async with relaying(Relay(outbox.engine, EventProducer(outbox.kafka), QUICK)):
        await eventually(outbox.empty)
    reader = KafkaConsumer(
        *outbox.topics, **independent_client(outbox.kafka), auto_offset_reset="earliest", consumer_timeout_ms=9000
    )
    record = next(reader)
    reader.close()
    assert record.key == b"ord_1"
    assert dict(record.headers)["content-type"].startswith(b"application/cloudevents+json")
    assert json.loads(record.value)["data"]["number"] == 0


async def test_a_commit_wakes_the_relay_before_its_poll(outbox: Outbox) -> None:
    relay = Relay(outbox.engine, EventProducer(outbox.kafka), RelaySettings(poll_seconds=60, refresh_seconds=0.1))
    async with relaying(relay):
        await eventually(lambda: outbox.scalar("SELECT COUNT(*) FROM outbox_shard WHERE owner <> ''"))
        async with unit_of_work_factory(outbox.engine, relay.wake)() as uow:
            await uow.add_event(outbox.event("ord_1"))
            await uow.commit()
        await eventually(outbox.empty)


async def test_two_relays_share_the_shards_and_keep_each_aggregates_order(outbox: Outbox) -> None:
    aggregates = [f"ord_{number}" for number in range(40)]
    first, second = (RecordingProducer(outbox.kafka) for _ in range(2))

    async def write() -> None:
        for _ in range(25):
            await outbox.write(*(outbox.event(aggregate) for aggregate in aggregates))

    async with relaying(Relay(outbox.engine, first, QUICK), Relay(outbox.engine, second, QUICK)):
        await eventually(lambda: outbox.scalar("SELECT COUNT(DISTINCT owner) = 2 FROM outbox_shard"))
        await write()
        await eventually(outbox.empty, within=30)

    assert outbox.numbers() == {aggregate: list(range(25)) for aggregate in aggregates}
    assert first.batches
    assert second.batches


async def test_relays_killed_between_ack_and_mark_lose_and_overtake_nothing(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    aggregates = [f"ord_{number}" for number in range(20)]
    for _ in range(30):
        await outbox.write(*(outbox.event(aggregate) for aggregate in aggregates))

    async def one_life() -> None:
        """Killed after a batch was acknowledged and before that was written down; its leases run out."""
        producer = DiesAfterAck(outbox.kafka)
        relay = Relay(outbox.engine, producer, QUICK)
        monkeypatch.setattr(relay._leases, "give_up", _nothing)
        async with relaying(relay) as [task]:
            async with asyncio.timeout(20):
                await producer.acknowledged.wait()
            await kill(task)
        async with outbox.engine.begin() as connection:
            await connection.execute(text("UPDATE outbox_relay SET expires_at = NOW(6) - INTERVAL 1 SECOND"))
            await connection.execute(text("UPDATE outbox_shard SET expires_at = NOW(6)"))

    await one_life()
    await asyncio.gather(one_life(), one_life())
    async with relaying(Relay(outbox.engine, EventProducer(outbox.kafka), QUICK)):
        await eventually(outbox.empty, within=30)

    assert outbox.numbers() == {aggregate: list(range(30)) for aggregate in aggregates}
    assert len(outbox.arrivals()) > 600  # the acknowledged but forgotten ones came again


async def test_a_relay_that_vanishes_is_followed_when_its_lease_ends(outbox: Outbox) -> None:
    vanished = "UPDATE outbox_shard SET owner = 'gone', expires_at = NOW(6) + INTERVAL 1 SECOND"
    async with outbox.engine.begin() as connection:
        await connection.execute(text(vanished))
    await outbox.write(outbox.event("ord_1"))
    async with relaying(Relay(outbox.engine, EventProducer(outbox.kafka), QUICK)):
        await eventually(outbox.empty)
    assert outbox.numbers() == {"ord_1": [0]}


async def test_a_relay_that_starts_again_under_its_name_does_not_wait_for_its_old_lease(outbox: Outbox) -> None:
    killed = "UPDATE outbox_shard SET owner = 'order-1', expires_at = NOW(6) + INTERVAL 1 HOUR"
    async with outbox.engine.begin() as connection:
        await connection.execute(text(killed))
    await outbox.write(outbox.event("ord_1"))
    async with relaying(Relay(outbox.engine, EventProducer(outbox.kafka), QUICK, owner="order-1")):
        await eventually(outbox.empty)
    assert outbox.numbers() == {"ord_1": [0]}


async def test_a_refused_event_holds_back_its_aggregate_and_no_other(outbox: Outbox) -> None:
    bad = outbox.event("ord_bad", padding="x" * 2_000_000)  # more than the broker takes
    await outbox.write(outbox.event("ord_good"), bad, outbox.event("ord_bad"), outbox.event("ord_good"))
    async with relaying(Relay(outbox.engine, EventProducer(outbox.kafka), QUICK)):
        await eventually(lambda: outbox.scalar("SELECT COUNT(*) FROM outbox_held WHERE poisoned = 1 AND attempts = 5"))
        await outbox.write(outbox.event("ord_bad"), outbox.event("ord_good"))
        await eventually(outbox.empty)
    assert outbox.numbers() == {"ord_good": [0, 1, 2]}
    assert await outbox.scalar("SELECT COUNT(*) FROM outbox_held") == 3


async def test_a_poisoned_event_given_up_lets_the_later_ones_go_in_order(outbox: Outbox) -> None:
    bad = outbox.event("ord_1", padding="x" * 2_000_000)
    await outbox.write(bad, outbox.event("ord_1"), outbox.event("ord_1"))
    async with relaying(Relay(outbox.engine, EventProducer(outbox.kafka), QUICK)):
        await eventually(lambda: outbox.scalar("SELECT COUNT(*) FROM outbox_held WHERE poisoned = 1"))
        async with outbox.engine.begin() as connection:
            await connection.execute(text("DELETE FROM outbox_held WHERE poisoned = 1"))
        await eventually(lambda: outbox.scalar("SELECT COUNT(*) = 0 FROM outbox_held"))
        await eventually(outbox.empty)
    assert outbox.numbers() == {"ord_1": [1, 2]}


async def test_a_refused_event_that_is_taken_later_goes_before_the_ones_behind_it(outbox: Outbox) -> None:
    class Moody(EventProducer):
        refusing = True

        async def send(self, records: Sequence[Record]) -> Outcome:
            if not self.refusing:
                return await super().send(records)
            return Outcome(refused={0: "not now"}, behind=set(range(1, len(records))))

    producer = Moody(outbox.kafka)
    await outbox.write(*(outbox.event("ord_1") for _ in range(3)))
    async with relaying(Relay(outbox.engine, producer, QUICK)):
        await eventually(lambda: outbox.scalar("SELECT MAX(attempts) >= 2 FROM outbox_held"))
        producer.refusing = False
        async with outbox.engine.begin() as connection:  # as a replay does, should it be poisoned already
            await connection.execute(
                text("UPDATE outbox_held SET poisoned = 0, attempts = 0, retry_at = NOW(6) WHERE attempts > 0")
            )
        await eventually(lambda: outbox.scalar("SELECT COUNT(*) = 0 FROM outbox_held"))
        await eventually(outbox.empty)
    assert outbox.numbers() == {"ord_1": [0, 1, 2]}


async def test_while_the_broker_is_away_events_wait_and_none_is_poisoned(outbox: Outbox) -> None:
    class Away(EventProducer):
        tries = 0

        async def send(self, records: Sequence[Record]) -> Outcome:
            self.tries += 1
            return Outcome(unsent=dict.fromkeys(range(len(records)), "timed out"))

    away = Away(outbox.kafka)
    await outbox.write(outbox.event("ord_1"), outbox.event("ord_1"))
    async with relaying(Relay(outbox.engine, away, QUICK)):
        await eventually(lambda: away.tries >= 3)
    assert await outbox.scalar("SELECT COUNT(*) FROM outbox_pending") == 2
    async with relaying(Relay(outbox.engine, EventProducer(outbox.kafka), QUICK)):
        await eventually(outbox.empty)
    assert outbox.numbers() == {"ord_1": [0, 1]}


async def test_a_relay_that_lost_a_shard_writes_nothing_about_it(outbox: Outbox) -> None:
    """It was refused an event; the new owner, not it, decides what becomes of that."""

    class LosesItsShards(EventProducer):
        calls = 0

        async def send(self, records: Sequence[Record]) -> Outcome:
            self.calls += 1
            async with outbox.engine.begin() as connection:
                await connection.execute(text("UPDATE outbox_shard SET owner = 'other', fence = fence + 1"))
            return Outcome(refused=dict.fromkeys(range(len(records)), "never"))

    producer = LosesItsShards(outbox.kafka)
    await outbox.write(outbox.event("ord_1"))
    async with relaying(Relay(outbox.engine, producer, QUICK)):
        await eventually(lambda: producer.calls)
    assert await outbox.scalar("SELECT COUNT(*) FROM outbox_held") == 0
    assert await outbox.scalar("SELECT COUNT(*) FROM outbox_pending") == 1


async def test_old_sent_events_are_purged_and_unsent_ones_never(outbox: Outbox) -> None:
    settings = RelaySettings(
        poll_seconds=0.02, refresh_seconds=0.05, purge_seconds=0.01, purge_batch=3, retention_seconds=3600
    )
    held = outbox.event("ord_held", padding="x" * 2_000_000)
    await outbox.write(held, *(outbox.event(f"ord_{number}") for number in range(10)))
    async with outbox.engine.begin() as connection:
        await connection.execute(text("UPDATE outbox SET created_at = NOW(6) - INTERVAL 2 HOUR"))
    await outbox.write(outbox.event("ord_young"))
    async with relaying(Relay(outbox.engine, EventProducer(outbox.kafka), settings)):
        await eventually(outbox.empty)
        await eventually(lambda: outbox.scalar("SELECT COUNT(*) = 2 FROM outbox"))
    assert await outbox.scalar("SELECT COUNT(*) FROM outbox WHERE aggregate_id IN ('ord_held', 'ord_young')") == 2


async def test_finding_the_next_events_reads_no_sent_ones(outbox: Outbox) -> None:
    sent = [outbox.event(f"ord_{number}") for number in range(2000)]
    await outbox.write(*sent)
    async with outbox.engine.begin() as connection:
        await connection.execute(text("DELETE FROM outbox_pending"))
    await outbox.write(outbox.event("ord_next"))
    async with unit_of_work_factory(outbox.engine)() as uow:
        await uow.execute(text("FLUSH STATUS"))
        rows = await next_rows(uow, {shard_of("ord_next"): 0}, 32, up_to=10**9)
        counters = (await uow.execute(text("SHOW SESSION STATUS LIKE 'Handler_read%'"))).scalars("Value").all()
    assert [row.aggregate_id for row in rows] == ["ord_next"]
    assert sum(map(int, counters)) < 20


async def test_a_refused_event_is_tried_again_in_time_though_a_backlog_stands(outbox: Outbox) -> None:
    for start in range(0, 10_000, 1000):
        await outbox.write(*(outbox.event(f"ord_{number}") for number in range(start, start + 1000)))
    await outbox.write(outbox.event("ord_held"))
    async with outbox.engine.begin() as connection:
        hold = "INSERT INTO outbox_held (aggregate_id, seq, shard, attempts, retry_at)"
        head = "SELECT aggregate_id, seq, shard, 1, NOW(6) + INTERVAL 1 SECOND FROM outbox"
        await connection.execute(text(f"{hold} {head} WHERE aggregate_id = 'ord_held'"))
        await connection.execute(text("DELETE FROM outbox_pending WHERE seq = (SELECT MAX(seq) FROM outbox)"))

    async def sent() -> bool:
        return await outbox.scalar("SELECT COUNT(*) FROM outbox_held") == 0

    async with relaying(Relay(outbox.engine, SlowProducer(outbox.kafka), QUICK)):
        await eventually(sent, within=30)
        waiting = await outbox.scalar("SELECT COUNT(*) FROM outbox_pending")
        await eventually(outbox.empty, within=30)
    assert waiting > 2000
    assert "ord_held" in outbox.numbers()


async def test_a_lease_counts_from_its_renewal_not_from_the_wait_before_it(outbox: Outbox) -> None:
    """Where connecting takes long, whoever counted from before it would renew again and again, and send nothing."""
    now = 0.0
    factory = unit_of_work_factory(outbox.engine)

    def slow_to_begin() -> UnitOfWork:
        nonlocal now
        now += 6
        return factory()

    leases = Leases(slow_to_begin, "me", seconds=10, monotonic=lambda: now)
    await leases.refresh()
    assert leases.hold_for(5)
    now += 6
    assert not leases.hold_for(5)
