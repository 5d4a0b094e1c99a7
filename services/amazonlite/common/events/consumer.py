"""Handles each event once per consumer group, an aggregate's events in order.

The event's id is stored in the transaction of its effect, so that repeats change nothing. While a store is away the
consumer waits. What keeps failing otherwise is put aside on `<topic>.dlq.v1`, and the rest goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from amazonlite.common.core.event import Event
from amazonlite.common.core.settings import KafkaSettings
from amazonlite.common.data.unit_of_work import UnitOfWorkFactory
from amazonlite.common.events.dead_letters import DeadLetters
from amazonlite.common.events.dispatch import Dispatcher
from amazonlite.common.events.group_member import GroupMember
from amazonlite.common.events.handlers import AnyHandler
from amazonlite.common.events.process import Processor
from amazonlite.common.events.producer import EventProducer
from amazonlite.common.observe.logs import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ConsumerSettings:
    batch: int = 100
    group: int = 100  # events in one transaction, at most
    at_once: int = 6  # transactions; each needs a database connection
    poll_seconds: float = 0.5
    tries: int = 3
    backoff_seconds: float = 5.0  # at most, while a store or the broker is away


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
        self._member = GroupMember(kafka, group, list(handlers), batch=own.batch, poll_seconds=own.poll_seconds)
        dead_letters = DeadLetters(producer, group)
        processor = Processor(group, handlers, factory, dead_letters, check=check, tries=own.tries)
        self._dispatcher = Dispatcher(processor, at_once=own.at_once, group=own.group)

    async def run(self) -> None:
        """Until cancelled. KafkaException when another process consumes under the same instance id."""
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
