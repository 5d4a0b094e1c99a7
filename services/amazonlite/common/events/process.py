"""Handles events, one or many in a transaction, which also stores that they were taken.

An event that keeps failing by itself goes to the dead letters. Unavailable and SendFailed are raised: nothing was kept,
so the same is to be tried again later.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from confluent_kafka import Message

from amazonlite.common.core import context
from amazonlite.common.core.errors import Unavailable
from amazonlite.common.core.event import Event
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory, in_transaction
from amazonlite.common.events.dead_letters import DeadLetters
from amazonlite.common.events.envelope import decode
from amazonlite.common.events.handlers import AnyHandler, Grouped, Single, declared
from amazonlite.common.events.inbox import first_time, first_times
from amazonlite.common.events.producer import SendFailed
from amazonlite.common.observe.tracing import span, valid_traceparent


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message with the event that was read from it."""

    message: Message
    handler: Single | Grouped
    event: Event

    @property
    def grouped(self) -> bool:
        return isinstance(self.handler, Grouped)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that holds no event of ours, and why; no retry will change that."""

    message: Message
    error: Exception

    grouped: ClassVar[bool] = False


class Processor:
    def __init__(
        self,
        group: str,
        handlers: Mapping[str, AnyHandler],
        factory: UnitOfWorkFactory,
        dead_letters: DeadLetters,
        *,
        check: Callable[[Event], None] | None,
        tries: int,
    ) -> None:
        self._group = group
        self._handlers = {topic: declared(handler) for topic, handler in handlers.items()}
        self._factory = factory
        self._dead_letters = dead_letters
        self._check = check
        self._tries = tries

    def read(self, message: Message) -> Delivery | Unreadable | None:
        """None: the event does not concern this service."""
        handler = self._handlers[message.topic() or ""]
        try:
            event = decode(message.value() or b"")
            if self._check is not None:
                self._check(event)
            concerned = handler.concerns(event)
        except Exception as error:
            return Unreadable(message, error)
        return Delivery(message, handler, event) if concerned else None

    async def one(self, delivery: Delivery | Unreadable) -> str:
        """The outcome: done, repeated or put_aside."""
        if isinstance(delivery, Unreadable):
            return await self._put_aside(delivery.message, delivery.error, tries=1)
        event = delivery.event
        context.correlation_id.set(event.correlation_id)  # each aggregate's task has a context of its own
        with span(f"consume {delivery.message.topic()}", kind="consumer", parent=event.traceparent or None):
            return await self._try(delivery)

    async def many(self, handler: Grouped, events: Sequence[Event]) -> list[str]:
        """Each one's outcome, done or repeated, from one transaction; whatever `handler` raises, nothing was kept."""
        by_id = {event.id: event for event in events}
        about = {"messaging.batch.message_count": len(events)}
        links = [event.traceparent for event in events if valid_traceparent(event.traceparent)]
        with span(f"consume {events[0].type}", kind="consumer", attributes=about, links=links):
            new = await in_transaction(self._factory, lambda uow: self._many_once(uow, handler, by_id))
        return ["done" if event.id in new else "repeated" for event in events]

    async def _many_once(self, uow: UnitOfWork, handler: Grouped, events: Mapping[str, Event]) -> frozenset[str]:
        new = await first_times(uow, self._group, list(events))
        if new:
            await handler.handle(uow, [event for id, event in events.items() if id in new])
        return new

    async def _try(self, delivery: Delivery) -> str:
        tries = 0
        while True:
            try:
                first = await in_transaction(self._factory, lambda uow: self._once(uow, delivery))
                return "done" if first else "repeated"
            except (Unavailable, SendFailed):
                raise
            except Exception as error:
                tries += 1
                if tries == self._tries:
                    return await self._put_aside(delivery.message, error, tries)
            await asyncio.sleep(random.uniform(0, 0.1 * 2**tries))

    async def _once(self, uow: UnitOfWork, delivery: Delivery) -> bool:
        first = await first_time(uow, self._group, delivery.event.id)
        if first:
            await delivery.handler.alone(uow, delivery.event)
        return first

    async def _put_aside(self, message: Message, error: Exception, tries: int) -> str:
        await self._dead_letters.put(message, error, tries)
        return "put_aside"
