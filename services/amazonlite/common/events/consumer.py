"""Handles each event once per consumer group, an aggregate's events in order.

The event's id is stored in the transaction of its effect, so that repeats change nothing. While the database or the
broker is away the consumer waits. What fails otherwise is parked in the database with what comes after it of its key,
and the partition goes on; it is tried again for about an hour, then put aside on `<topic>.dlq.v1`, and its key goes on.
So is what was parked by a release that consumed topics which nobody consumes any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from amazonlite.common.core.event import Event
from amazonlite.common.core.settings import KafkaSettings
from amazonlite.common.core.tasks import stop
from amazonlite.common.data.unit_of_work import UnitOfWorkFactory
from amazonlite.common.events.dead_letters import DeadLetters
from amazonlite.common.events.dispatch import Dispatcher
from amazonlite.common.events.group_member import LOST_SECONDS, GroupMember
from amazonlite.common.events.handlers import AnyHandler
from amazonlite.common.events.orphaned import OrphanedEvents
from amazonlite.common.events.parking import Parking
from amazonlite.common.events.patience import Patience
from amazonlite.common.events.process import Processor
from amazonlite.common.events.producer import EventProducer
from amazonlite.common.events.replay import Replay
from amazonlite.common.observe.logs import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ConsumerSettings:
    batch: int = 100
    group: int = 100  # events in one transaction, at most
    at_once: int = 6  # transactions; each needs a database connection
    parked_at_once: int = 2  # of them, so that fresh events never wait for parked ones
    poll_seconds: float = 0.5
    lost_seconds: float = LOST_SECONDS
    backoff_seconds: float = 5.0  # at most, while the database or the broker is away
    replay_seconds: float = 2.0  # between looks for what is parked and due
    orphaned_after_seconds: float = 3600.0  # untried: longer than releases that consume other topics run side by side
    orphaned_seconds: float = 60.0  # between looks for such
    patience: Patience = field(default_factory=Patience)


class Consumer:
    def __init__(
        self,
        kafka: KafkaSettings,
        group: str,
        handlers: Mapping[str, AnyHandler],
        factory: UnitOfWorkFactory,
        producer: EventProducer,
        *,
        check: Callable[[Event], None] | None = None,
        settings: ConsumerSettings | None = None,
    ) -> None:
        """`handlers` by topic; `check` raises MalformedEvent on an event that breaks its schema."""
        self._settings = own = settings or ConsumerSettings()
        self._group = group
        self._member = GroupMember(
            kafka,
            group,
            list(handlers),
            batch=own.batch,
            poll_seconds=own.poll_seconds,
            lost_seconds=own.lost_seconds,
        )
        dead_letters = DeadLetters(producer, group)
        processor = Processor(group, handlers, factory, dead_letters, check=check)
        slots = asyncio.Semaphore(own.at_once)
        self._dispatcher = Dispatcher(processor, Parking(group, factory, own.patience), slots, group=own.group)
        self._replay = Replay(
            group,
            factory,
            processor,
            dead_letters,
            own.patience,
            slots,
            at_once=own.parked_at_once,
            every=own.replay_seconds,
        )
        self._orphaned = OrphanedEvents(
            group,
            list(handlers),
            factory,
            dead_letters,
            slots,
            after_seconds=own.orphaned_after_seconds,
            every=own.orphaned_seconds,
        )

    async def run(self) -> None:
        """Until cancelled. KafkaException when another process consumes under the same instance id."""
        parts = [asyncio.create_task(part) for part in (self._consume(), self._replay.run(), self._orphaned.run())]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in parts:
                if part.done():
                    part.result()
        finally:
            await stop(parts)

    async def _consume(self) -> None:
        failures = 0
        await self._member.open()
        try:
            while True:
                messages = await self._member.poll()
                undone = await self._dispatcher.take(messages)
                await self._member.settle(messages, undone)
                failures = failures + 1 if undone else 0
                if undone:
                    log.warning("events_wait", group=self._group, count=len(undone), failures=failures)
                    await asyncio.sleep(min(self._settings.backoff_seconds, 0.1 * 2**failures))
        finally:
            await self._member.close()
