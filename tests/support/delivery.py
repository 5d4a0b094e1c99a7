"""Events as the broker brings them: twice, each with its inbox entry; and what the outbox holds. All keep to schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from amazonlite.common.core.clock import Clock
from amazonlite.common.core.event import Event, new_event
from amazonlite.common.core.ids import new_id
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory, in_transaction
from amazonlite.common.events.envelope import decode
from amazonlite.common.events.handlers import AnyHandler, Grouped, declared
from amazonlite.common.events.inbox import first_time, first_times
from amazonlite.common.events.registry import Registry


def event(kind: str, data: Mapping[str, Any], clock: Clock) -> Event:
    return _valid(new_event(kind, data["orderId"], data, source="/test", clock=clock, ids=new_id))


async def deliver(
    factory: UnitOfWorkFactory, consumer: str, handlers: Mapping[str, AnyHandler], message: Event, *, times: int = 2
) -> None:
    handler = declared(handlers[message.type])

    async def work(uow: UnitOfWork) -> None:
        if await first_time(uow, consumer, message.id):
            await handler.alone(uow, message)

    for _ in range(times if handler.concerns(message) else 0):
        await in_transaction(factory, work)


async def deliver_group(
    factory: UnitOfWorkFactory, consumer: str, handlers: Mapping[str, AnyHandler], messages: Sequence[Event]
) -> None:
    """Events of one topic about different aggregates, in one transaction, twice."""
    [kind] = {message.type for message in messages}
    handler = handlers[kind]
    assert isinstance(handler, Grouped)

    async def work(uow: UnitOfWork) -> None:
        new = set(await first_times(uow, consumer, [message.id for message in messages]))
        if new:
            await handler.handle(uow, [message for message in messages if message.id in new])

    for _ in range(2):
        await in_transaction(factory, work)


async def outbox(factory: UnitOfWorkFactory, subject: str) -> list[Event]:
    """The events about one aggregate, in their order."""
    async with factory() as uow:
        found = await uow.execute(
            text("SELECT payload FROM outbox WHERE aggregate_id = :id ORDER BY seq"), {"id": subject}
        )
        return [_valid(decode(bytes(row.payload))) for row in found]


def _valid(message: Event) -> Event:
    Registry.load().validate(message)
    return message
