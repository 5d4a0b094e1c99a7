"""State, timeline and event of a transition are written together, by whoever holds the order's row lock."""

from __future__ import annotations

from dataclasses import replace

from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.order import announce, store
from amazonlite.order.desk import OrderDesk
from amazonlite.order.domain import Cause, Changes, Order, TimelineEntry, Trigger

NOTHING = Changes()


async def advance(
    desk: OrderDesk, uow: UnitOfWork, order: Order, trigger: Trigger, cause: Cause, changes: Changes = NOTHING
) -> Order:
    """Raises IllegalTransition before anything is written."""
    moved = order.after(trigger, changes)
    await store.save(uow, moved)
    await store.record(uow, moved.order_id, entry_of(desk, moved, cause, changes.reason))
    event = announce.entered(desk, moved)
    if event is not None:
        await uow.add_event(event)
    return moved


async def note(desk: OrderDesk, uow: UnitOfWork, order: Order, cause: Cause, reason: str = "") -> None:
    """Keeps in the timeline what came too late to change anything."""
    noted = replace(order, version=order.version + 1)
    await store.save(uow, noted)
    await store.record(uow, noted.order_id, replace(entry_of(desk, noted, cause, reason), applied=False))


def entry_of(desk: OrderDesk, order: Order, cause: Cause, reason: str = "") -> TimelineEntry:
    return TimelineEntry(order.version, order.state, applied=True, at=desk.clock.now(), cause=cause, reason=reason)
