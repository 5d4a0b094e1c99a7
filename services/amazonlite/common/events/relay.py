"""Sends committed events to Kafka at least once, an aggregate's in the order of their commits.

Whoever writes an event holds its aggregate's row, so that an aggregate's numbers rise with its commits. Across
aggregates a low number may be committed long after a high one, even while its shard is being drained.

An event is forgotten as pending only after the broker acknowledged it, so a relay killed anywhere repeats, never loses.
An event the broker refuses for good is tried a few times, then stays poisoned and holds back its own aggregate only.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter as Counted
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from prometheus_client import Counter, Gauge
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.ids import new_id
from amazonlite.common.data.errors import StoreUnavailable
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction, unit_of_work_factory
from amazonlite.common.events import outbox
from amazonlite.common.events.held import BrokerAway, HeldEvents, record_of
from amazonlite.common.events.leases import Leases
from amazonlite.common.events.outbox import OutboxRow
from amazonlite.common.events.producer import MESSAGE_SECONDS, EventProducer, Outcome
from amazonlite.common.observe.logs import get_logger

OLDEST_UNSENT = Gauge("outbox_oldest_unsent_seconds", "Age of the oldest event waiting to be sent, held ones apart")
SENT = Counter("outbox_sent_total", "Events the broker acknowledged")
POISONED = Gauge("outbox_poisoned", "Events refused for good; each holds back its aggregate")

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RelaySettings:
    batch: int = 500
    lease_seconds: float = 10.0
    refresh_seconds: float = 2.0
    poll_seconds: float = 0.2  # what another replica commits wakes only its own relay
    gather_seconds: float = 0.1  # between turns; after a longer rest an event leaves at once
    attempts: int = 16  # in about an hour: a right or a topic that a bad release took away is given back meanwhile
    retry_seconds: float = 5.0  # doubles with each attempt: a topic made a minute late poisons nothing
    backoff_seconds: float = 1.0  # at most, while the database or the broker is away
    retention_seconds: float = 7 * 24 * 3600.0
    purge_seconds: float = 60.0
    purge_batch: int = 1000

    def __post_init__(self) -> None:
        if self.lease_seconds <= self.refresh_seconds + MESSAGE_SECONDS:
            raise ValueError("a lease must outlast a refresh and the sending of a message")


@dataclass(slots=True)
class _Batch:
    """Rows as read under `fences`; `parked` ones are not sent, because their aggregate is blocked."""

    fences: dict[int, int] = field(default_factory=dict)
    rows: list[OutboxRow] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)  # the last row read, by shard
    up_to: int = 0  # of the whole drain
    parked: list[OutboxRow] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)
    full: bool = False  # there may be more

    def sent(self) -> list[OutboxRow]:
        if not self.outcome.any_failed:
            return self.rows
        return [row for position, row in enumerate(self.rows) if not self.outcome.failed(position)]

    def refused(self) -> list[tuple[OutboxRow, str]]:
        return [(self.rows[position], reason) for position, reason in self.outcome.refused.items()]

    def held_back(self) -> list[OutboxRow]:
        blocked = {row.aggregate_id for row, _ in self.refused()}
        behind = (self.rows[position] for position in sorted(self.outcome.behind))
        return [*self.parked, *(row for row in behind if row.aggregate_id in blocked)]


class Relay:
    """Run one in every process that writes events; together they share the work. `wake()` after a commit."""

    def __init__(
        self,
        engine: AsyncEngine,
        producer: EventProducer,
        settings: RelaySettings | None = None,
        *,
        owner: str = "",
    ) -> None:
        """A relay that starts again under its `owner`, which nobody else may have, goes on with its shards at once."""
        self._settings = settings = settings or RelaySettings()
        self._producer = producer
        self._factory = unit_of_work_factory(engine)
        self._leases = Leases(self._factory, owner or new_id("relay"), seconds=settings.lease_seconds)
        self._held = HeldEvents(
            self._factory, self._leases, producer, attempts=settings.attempts, seconds=settings.retry_seconds
        )
        self._woken = asyncio.Event()
        self._turn_at = 0.0
        self._refresh_at = 0.0
        self._purge_at = 0.0

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        failures = 0
        try:
            while True:
                try:
                    await self._turn()
                    failures = 0
                except (StoreUnavailable, BrokerAway) as error:
                    failures += 1
                    self._refresh_at = 0.0
                    log.warning("outbox_waits", reason=str(error), failures=failures)
                await self._rest(failures)
        finally:
            with suppress(StoreUnavailable):  # then the leases run out by themselves
                await self._leases.give_up()

    async def _rest(self, failures: int) -> None:
        if failures:
            await asyncio.sleep(min(self._settings.backoff_seconds, 0.1 * 2**failures))
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.poll_seconds):
                await self._woken.wait()
        # A turn costs the same for one event as for many: under load they travel together.
        await asyncio.sleep(self._turn_at + self._settings.gather_seconds - time.monotonic())

    async def _turn(self) -> None:
        self._turn_at = time.monotonic()
        self._woken.clear()
        more = True
        while more:  # a backlog that stands keeps no refused event waiting
            if self._refresh_due() or not self._leases.hold_for(MESSAGE_SECONDS):
                await self._refresh()
            if self._held.blocked:
                SENT.inc(await self._held.retry())
            more = await self._drain()

    def _refresh_due(self) -> bool:
        return time.monotonic() >= self._refresh_at

    async def _refresh(self) -> None:
        if await self._leases.refresh():
            log.info("outbox_shards", shards=self._leases.shards)
        async with self._factory() as uow:
            await self._held.load(uow)
            OLDEST_UNSENT.set(await outbox.oldest_unsent_seconds(uow))
            POISONED.set(await outbox.poisoned_count(uow))
        self._refresh_at = time.monotonic() + self._settings.refresh_seconds
        if 0 in self._leases.fences and time.monotonic() >= self._purge_at:
            await self._purge()

    async def _drain(self) -> bool:
        """Sends what was committed when it began; True if there may be more, or the leases want refreshing first.

        Three things happen at once: a batch is sent, the one before is settled and the one after is read. Reading goes
        forward only, and passes over what is committed late with a lower number. That is found by the next drain,
        together with all that comes after it of its aggregate: numbers above those that were committed when this drain
        began.
        """
        async with self._factory() as reading:
            up_to, several = await outbox.newest(reading), False
            done, current = _Batch(), await self._read(reading, dict.fromkeys(self._leases.fences, 0), up_to)
            while current.rows or current.parked:
                if self._refresh_due() or not self._leases.hold_for(MESSAGE_SECONDS):
                    break
                several = several or current.full
                done, current = current, await self._step(reading, done, current)
                if done.outcome.unsent:
                    break
            await self._settle(done)
        for reason in done.outcome.unsent.values():
            raise BrokerAway(reason)
        return several or bool(current.rows or current.parked)

    async def _step(self, reading: UnitOfWork, done: _Batch, current: _Batch) -> _Batch:
        try:
            async with asyncio.TaskGroup() as step:
                step.create_task(self._send(current))
                step.create_task(self._settle(done))
                following = step.create_task(self._read(reading, current.ends, current.up_to)) if current.full else None
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return self._without_blocked(following.result()) if following else _Batch()

    async def _read(self, reading: UnitOfWork, after: Mapping[int, int], up_to: int) -> _Batch:
        per_shard = -(-self._settings.batch // max(1, len(after)))
        rows = await outbox.next_rows(reading, after, per_shard, up_to=up_to)
        ends = {**after, **{row.shard: row.seq for row in rows}}
        full = any(count == per_shard for count in Counted(row.shard for row in rows).values())
        return self._without_blocked(_Batch(self._leases.fences, rows, ends, up_to, full=full))

    def _without_blocked(self, batch: _Batch) -> _Batch:
        blocked = self._held.blocked
        if blocked:
            batch.parked += [row for row in batch.rows if row.aggregate_id in blocked]
            batch.rows = [row for row in batch.rows if row.aggregate_id not in blocked]
        return batch

    async def _send(self, batch: _Batch) -> None:
        batch.outcome = await self._producer.send([record_of(row) for row in batch.rows])
        self._held.blocked.update(row.aggregate_id for row, _ in batch.refused())

    async def _settle(self, batch: _Batch) -> None:
        if batch.rows or batch.parked:
            SENT.inc(await in_transaction(self._factory, lambda uow: self._write(uow, batch)))

    async def _write(self, uow: UnitOfWork, batch: _Batch) -> int:
        """How many were sent. What was not, of a shard that was lost meanwhile, is its new owner's to judge.

        Fenced also where all was acknowledged: a relay that stood still would else forget what was put back meanwhile
        to be sent again.
        """
        ours = await self._leases.still_ours(uow, batch.fences)
        sent = [row for row in batch.sent() if row.shard in ours]
        refused = [(row, reason) for row, reason in batch.refused() if row.shard in ours]
        parked = [row for row in batch.held_back() if row.shard in ours]
        await outbox.forget_pending(uow, [*sent, *(row for row, _ in refused), *parked])
        for row, reason in refused:
            await self._held.hold(uow, row, 1, reason)
        await outbox.park(uow, parked)
        return len(sent)

    async def _purge(self) -> None:
        """Deletes what was sent longer ago than the retention, in short transactions."""
        settings = self._settings
        after: int | None = 0
        while after is not None and not self._refresh_due():
            some = partial(
                outbox.purge, after=after, older_than_seconds=settings.retention_seconds, count=settings.purge_batch
            )
            after = await in_transaction(self._factory, some)
        self._purge_at = time.monotonic() + settings.purge_seconds
