"""An aggregate's events leave in the order of their commits, however late a transaction with a low number commits."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.clock import SystemClock
from amazonlite.common.core.event import Event, new_event
from amazonlite.common.core.ids import new_id
from amazonlite.common.core.settings import KafkaSettings, MysqlSettings
from amazonlite.common.core.tasks import stop
from amazonlite.common.data.unit_of_work import UnitOfWork, shard_of, unit_of_work_factory
from amazonlite.common.events.producer import EventProducer, Outcome, Record
from amazonlite.common.events.relay import Relay, RelaySettings
from amazonlite.common.testing.eventually import eventually
from amazonlite.common.testing.stores import kafka_topics
from support.relays import arrived, relaying

pytestmark = pytest.mark.stores

# A batch of one row a shard is always full, so that a drain goes on for as long as there is a backlog.
FULL = RelaySettings(batch=16, poll_seconds=0.01, gather_seconds=0.01, refresh_seconds=2.0)
LATE = "ord_late"
WRITERS, ROUNDS = 8, 25
FILLERS = 40  # at a time, of other aggregates: there is always more to drain


class Backlog:
    def __init__(self, engine: AsyncEngine, kafka: KafkaSettings, topic: str) -> None:
        self.engine = engine
        self.kafka = kafka
        self.topic = topic
        self.transactions = unit_of_work_factory(engine)

    def event(self, aggregate: str, number: int) -> Event:
        return new_event(self.topic, aggregate, {"number": number}, source="/test", clock=SystemClock(), ids=new_id)

    async def write(self, *events: Event) -> None:
        async with self.transactions() as uow:
            await uow.add_events(events)
            await uow.commit()

    async def sent(self) -> bool:
        async with self.engine.connect() as connection:
            return await connection.scalar(text("SELECT COUNT(*) FROM outbox_pending")) == 0

    def arrivals(self) -> dict[str, list[int]]:
        """By aggregate, the numbers in the order of first arrival."""
        numbers: dict[str, list[int]] = defaultdict(list)
        for body in arrived(self.kafka, [self.topic]):
            if body["data"]["number"] not in numbers[body["subject"]]:
                numbers[body["subject"]].append(body["data"]["number"])
        return numbers


@pytest.fixture
def backlog(
    common_mysql: MysqlSettings, engine_for: Callable[[MysqlSettings], AsyncEngine], kafka: KafkaSettings
) -> Iterator[Backlog]:
    with kafka_topics("race") as [topic]:
        yield Backlog(engine_for(common_mysql), kafka, topic)


class CommitsMeanwhile(EventProducer):
    """`meanwhile` happens while the first batch is under way."""

    def __init__(self, kafka: KafkaSettings, meanwhile: Callable[[], asyncio.Future[None]]) -> None:
        super().__init__(kafka)
        self._meanwhile: Callable[[], asyncio.Future[None]] | None = meanwhile

    async def send(self, records: Sequence[Record]) -> Outcome:
        if self._meanwhile:
            meanwhile, self._meanwhile = self._meanwhile, None
            await meanwhile()
        return await super().send(records)


async def test_what_commits_late_with_a_low_number_goes_before_its_aggregates_next(backlog: Backlog) -> None:
    """Its batch has passed already; the next event of the aggregate lies in one that is still to be read."""
    neighbour = next(id for id in (f"ord_{n}" for n in range(1000)) if shard_of(id) == shard_of(LATE))
    late = backlog.transactions()
    await late.add_event(backlog.event(LATE, 0))
    await backlog.write(*(backlog.event(neighbour, number) for number in range(20)))

    async def commit_and_go_on() -> None:
        await late.commit()
        await backlog.write(backlog.event(LATE, 1))

    producer = CommitsMeanwhile(backlog.kafka, lambda: asyncio.ensure_future(commit_and_go_on()))
    async with late, relaying(Relay(backlog.engine, producer, FULL)):
        await eventually(backlog.sent, within=60)
    assert backlog.arrivals() == {LATE: [0, 1], neighbour: list(range(20))}


async def test_slow_transactions_full_batches_and_killed_relays_overtake_nothing(backlog: Backlog) -> None:
    """Each aggregate's row is locked by whoever writes its event, as everywhere in the shop."""
    async with backlog.engine.begin() as connection:
        await connection.execute(text("CREATE TABLE aggregate (id VARCHAR(64) PRIMARY KEY, number INT NOT NULL)"))
        for writer in range(WRITERS):
            await connection.execute(text("INSERT INTO aggregate VALUES (:id, 0)"), {"id": f"ord_{writer}"})

    async def one_event(aggregate: str) -> None:
        async with backlog.transactions() as uow:
            number = await _next_number(uow, aggregate)
            await uow.add_event(backlog.event(aggregate, number))
            await asyncio.sleep(random.choice([0, 0, 0.01, 0.2]))
            await uow.commit()

    async def write_all() -> None:
        for _ in range(ROUNDS):
            await asyncio.gather(*(one_event(f"ord_{writer}") for writer in range(WRITERS)))

    async def keep_filling() -> None:
        for first in count(step=FILLERS):
            await backlog.write(*(backlog.event(f"filler_{number}", 0) for number in range(first, first + FILLERS)))
            await asyncio.sleep(0.01)

    filling = asyncio.create_task(keep_filling())
    writing = [asyncio.create_task(write_all()) for _ in range(2)]
    while not all(task.done() for task in writing):
        relays = (Relay(backlog.engine, EventProducer(backlog.kafka), FULL, owner=f"relay-{n}") for n in range(2))
        async with relaying(*relays):
            with suppress(TimeoutError):
                async with asyncio.timeout(random.uniform(0.5, 2.0)):
                    await asyncio.shield(asyncio.gather(*writing))
    await stop([filling])
    async with relaying(Relay(backlog.engine, EventProducer(backlog.kafka), FULL, owner="relay-0")):
        await eventually(backlog.sent, within=60)
    arrived = {aggregate: found for aggregate, found in backlog.arrivals().items() if aggregate.startswith("ord_")}
    assert arrived == {f"ord_{writer}": list(range(2 * ROUNDS)) for writer in range(WRITERS)}


async def _next_number(uow: UnitOfWork, aggregate: str) -> int:
    id = {"id": aggregate}
    found = await uow.execute(text("SELECT number FROM aggregate WHERE id = :id FOR UPDATE"), id)
    await uow.execute(text("UPDATE aggregate SET number = number + 1 WHERE id = :id"), id)
    return int(found.scalar_one())
