"""Handles events, one or many in a transaction, which also stores that they were taken.

Whatever is raised, nothing was kept. Who calls decides what becomes of the event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from amazonlite.common.core import context
from amazonlite.common.core.event import Event
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory, in_transaction
from amazonlite.common.events.dead_letters import DeadLetters
from amazonlite.common.events.envelope import MalformedEvent, decode
from amazonlite.common.events.handlers import AnyHandler, Grouped, Single, declared
from amazonlite.common.events.inbox import first_time, first_times
from amazonlite.common.events.parked import Received
from amazonlite.common.observe.tracing import span, valid_traceparent


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message with the event that was read from it, and what this release has against it, if anything.

    Another release may find nothing wrong with it, so that such an event is worth another try.
    """

    message: Received
    handler: Single | Grouped
    event: Event
    fault: Exception | None = None

    @property
    def grouped(self) -> bool:
        return isinstance(self.handler, Grouped) and self.fault is None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that holds no event of ours, and why; no retry will change that."""

    message: Received
    error: MalformedEvent

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
    ) -> None:
        self._group = group
        self._handlers = {topic: declared(handler) for topic, handler in handlers.items()}
        self._factory = factory
        self._dead_letters = dead_letters
        self._check = check

    @property
    def topics(self) -> list[str]:
        return list(self._handlers)

    def read(self, message: Received) -> Delivery | Unreadable | None:
        """None: the event does not concern this service."""
        handler = self._handlers[message.topic() or ""]
        try:
            event = decode(message.value() or b"")
        except MalformedEvent as error:
            return Unreadable(message, error)
        try:
            if self._check is not None:
                self._check(event)
            concerned = handler.concerns(event)
        except Exception as error:
            return Delivery(message, handler, event, error)
        return Delivery(message, handler, event) if concerned else None

    @contextmanager
    def scope(self, delivery: Delivery) -> Iterator[None]:
        """Logs and traces name the event's; to be entered in a task of its own."""
        event = delivery.event
        context.correlation_id.set(event.correlation_id)
        with span(f"consume {delivery.message.topic()}", kind="consumer", parent=event.traceparent or None):
            yield

    async def one(self, delivery: Delivery) -> str:
        """The outcome: done or repeated."""
        with self.scope(delivery):
            first = await in_transaction(self._factory, lambda uow: self.once(uow, delivery))
        return "done" if first else "repeated"

    async def put_aside(self, unreadable: Unreadable) -> str:
        await self._dead_letters.put(unreadable.message, unreadable.error, tries=1)
        return "put_aside"

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

    async def once(self, uow: UnitOfWork, delivery: Delivery) -> bool:
        """Whether it took effect now, and not before."""
        if delivery.fault is not None:
            raise delivery.fault
        first = await first_time(uow, self._group, delivery.event.id)
        if first:
            await delivery.handler.alone(uow, delivery.event)
        return first
