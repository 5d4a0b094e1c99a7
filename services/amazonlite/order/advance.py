"""State, timeline and event of a transition are written together, by whoever holds the order's row lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from amazonlite.common.core.event import Event
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.order import announce, store
from amazonlite.order.dependencies import OrderDependencies
from amazonlite.order.domain import Cause, Changes, Order, TimelineEntry, Trigger

NOTHING = Changes()


@dataclass(frozen=True, slots=True)
class Move:
    """An order after something happened to it, the timeline's entry about it, and the event that tells others."""

    order: Order
    entry: TimelineEntry
    event: Event | None = None


def moved(deps: OrderDependencies, order: Order, trigger: Trigger, cause: Cause, changes: Changes = NOTHING) -> Move:
    """Raises IllegalTransition when the order's state does not allow it."""
    after = order.after(trigger, changes)
    return Move(after, entry_of(deps, after, cause, changes.reason), announce.entered(deps, after))


def noted(deps: OrderDependencies, order: Order, cause: Cause, reason: str = "") -> Move:
    """What came too late to change anything is kept in the timeline."""
    after = replace(order, version=order.version + 1)
    return Move(after, replace(entry_of(deps, after, cause, reason), applied=False))


async def write(uow: UnitOfWork, moves: Sequence[Move]) -> None:
    """Moves of different orders, each locked by this transaction."""
    await store.save_all(uow, [move.order for move in moves])
    await store.record_all(uow, [(move.order.order_id, move.entry) for move in moves])
    await uow.add_events([move.event for move in moves if move.event is not None])


async def advance(
    deps: OrderDependencies, uow: UnitOfWork, order: Order, trigger: Trigger, cause: Cause, changes: Changes = NOTHING
) -> Order:
    """Raises IllegalTransition before anything is written."""
    move = moved(deps, order, trigger, cause, changes)
    await write(uow, [move])
    return move.order


def entry_of(deps: OrderDependencies, order: Order, cause: Cause, reason: str = "") -> TimelineEntry:
    return TimelineEntry(order.version, order.state, applied=True, at=deps.clock.now(), cause=cause, reason=reason)
