"""Events under way from the outboxes to their consumers, delivered in any order, in groups, twice, or dropped."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from amazonlite.common.core.event import Event
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory, in_transaction
from amazonlite.common.events.handlers import AnyHandler, Grouped, declared
from amazonlite.common.events.inbox import first_times

MAY_BE_DROPPED = frozenset({"payment.authorized.v1", "order.confirmed.v1"})
"""Events whose loss the protocol mends by itself: payment names a paid order when it is asked, and asks about orders
whose money it holds."""


class Consumer(Protocol):
    """A service's consumer group."""

    name: str

    def wants(self, event: Event) -> bool: ...

    async def take(self, events: Sequence[Event]) -> None:
        """Events of one type and of distinct aggregates, in one transaction; each takes effect once."""
        ...


@dataclass
class StoredConsumer:
    """The service's own handlers, behind its inbox."""

    name: str
    transactions: UnitOfWorkFactory
    handlers: Mapping[str, AnyHandler]

    def wants(self, event: Event) -> bool:
        return event.type in self.handlers and declared(self.handlers[event.type]).concerns(event)

    async def take(self, events: Sequence[Event]) -> None:
        handler = declared(self.handlers[events[0].type])

        async def work(uow: UnitOfWork) -> None:
            new = await first_times(uow, self.name, [event.id for event in events])
            fresh = [event for event in events if event.id in new]
            if fresh and isinstance(handler, Grouped):
                await handler.handle(uow, fresh)
            elif fresh:
                for event in fresh:
                    await handler.alone(uow, event)

        await in_transaction(self.transactions, work)


@dataclass(frozen=True)
class Letter:
    """One event on its way to one consumer."""

    consumer: Consumer
    event: Event

    @property
    def droppable(self) -> bool:
        return self.event.type in MAY_BE_DROPPED

    def __repr__(self) -> str:
        return f"{self.event.type} of {self.event.subject} to {self.consumer.name}"


@dataclass
class Mail:
    """The letters that are under way, by the time they were written."""

    consumers: Sequence[Consumer]
    letters: list[Letter] = field(default_factory=list)

    def post(self, events: Collection[Event]) -> None:
        self.letters += [Letter(to, event) for event in events for to in self.consumers if to.wants(event)]

    def group(self, first: Letter, most: int) -> list[Letter]:
        """Letters that a consumer may take together with the first: of its type, and of other aggregates."""
        group = {first.event.subject: first}
        for letter in self.letters:
            if letter.consumer is first.consumer and letter.event.type == first.event.type and len(group) < most:
                group.setdefault(letter.event.subject, letter)
        return list(group.values())

    def remove(self, letters: Collection[Letter]) -> None:
        for letter in letters:
            self.letters.remove(letter)
