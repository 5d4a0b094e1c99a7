"""A consumer takes effect of an event once: the event's id is stored in the same transaction as the effect."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import MetaData, TextClause, insert, text
from sqlalchemy.exc import IntegrityError

from amazonlite.common.data.tables import inbox_table
from amazonlite.common.data.unit_of_work import UnitOfWork

_INSERT = insert(inbox_table(MetaData()))


async def first_time(uow: UnitOfWork, consumer: str, event_id: str) -> bool:
    """False: this consumer's effect of the event is already committed, so do nothing."""
    try:
        await uow.execute(_INSERT, {"consumer": consumer, "event_id": event_id})
    except IntegrityError:  # the transaction itself goes on
        return False
    return True


async def first_times(uow: UnitOfWork, consumer: str, event_ids: Sequence[str]) -> frozenset[str]:
    """Those of distinct ids for which `first_time` is true, by one statement while all of them are new.

    A transaction under way that stores one of them too is waited for; in sorted order, so that two never wait for
    each other.
    """
    ordered = sorted(event_ids)
    ids = {f"id{position}": event_id for position, event_id in enumerate(ordered)}
    try:
        await uow.execute(_insert_of(len(ids)), {"consumer": consumer, **ids})
    except IntegrityError:  # the statement stored none of them
        return frozenset([each for each in ordered if await first_time(uow, consumer, each)])
    return frozenset(ordered)


@lru_cache(maxsize=256)
def _insert_of(count: int) -> TextClause:
    """One statement for certain: the driver may cut a list of parameters into several, of which some stay stored."""
    rows = ", ".join(f"(:consumer, :id{position})" for position in range(count))
    return text(f"INSERT INTO inbox (consumer, event_id) VALUES {rows}")  # noqa: S608 - names of parameters only
