"""How a service takes the events of a topic: one a transaction, or many in one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from amazonlite.common.core.event import Event
from amazonlite.common.data.unit_of_work import UnitOfWork

Handler = Callable[[UnitOfWork, Event], Awaitable[None]]


def every_event(_: Event) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Single:
    """`handle` gets one event a transaction. One that does not concern it costs no transaction and no inbox row."""

    handle: Handler
    concerns: Callable[[Event], bool] = every_event

    async def alone(self, uow: UnitOfWork, event: Event) -> None:
        await self.handle(uow, event)


@dataclass(frozen=True, slots=True)
class Grouped:
    """`handle` gets events of distinct aggregates, each for the first time, in one transaction.

    Guarantees: if `handle` raises, nothing of the group is kept and each event is handled again as a list of one, so
    that only those fail that fail alone. An own database or broker that is away lets the whole group wait instead.

    `handle` locks rows in one order whatever the order of the events, because other members handle groups meanwhile.
    In a group `context.correlation_id` is empty and the current trace is the group's: give `new_event` the
    `correlation_id` and `traceparent` of the event that the new one follows from.
    """

    handle: Callable[[UnitOfWork, Sequence[Event]], Awaitable[None]]
    concerns: Callable[[Event], bool] = every_event

    async def alone(self, uow: UnitOfWork, event: Event) -> None:
        await self.handle(uow, [event])


AnyHandler = Handler | Single | Grouped


def declared(handler: AnyHandler) -> Single | Grouped:
    """A plain function handles single events, and all of them concern it."""
    return handler if isinstance(handler, Single | Grouped) else Single(handler)
