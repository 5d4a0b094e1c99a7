"""A consumer takes effect of an event once: the event's id is stored in the same transaction as the effect."""

from __future__ import annotations

from sqlalchemy import MetaData, insert
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
