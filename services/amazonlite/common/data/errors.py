"""What a failing store looks like to a service: either it is away, or two transactions stood in each other's way."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from amazonlite.common.core.errors import DomainError, Unavailable

_CONTENDED = frozenset({1205, 1213})  # lock wait timeout, deadlock
_AWAY = frozenset(
    {
        1040,  # too many connections
        1053,  # server shutdown in progress
        1290,  # read-only while a replica takes over
        1317,  # query interrupted by KILL
        1927,  # connection was killed
        2002,
        2003,  # cannot connect
        2006,
        2013,
        2014,
        2055,  # connection lost
    }
)


class StoreUnavailable(Unavailable):
    """The database cannot be reached; repeat later with the same key, since a commit under way may have happened."""

    code = "store_unavailable"
    title = "Store unavailable"


class StoreContended(StoreUnavailable):
    """A deadlock or a lock wait ended the transaction; nothing was written, so run all of it again."""


def translated(error: BaseException) -> StoreUnavailable | None:
    """The store error behind what SQLAlchemy raised; None when the statement itself was at fault.

    None also for what no database raised, an OSError above all: a file that is missing or a peer that hangs up says
    nothing about the store. Where the driver itself may raise one, the unit of work tells.
    """
    if isinstance(error, PoolTimeout):
        return StoreUnavailable("the database had no connection free in time")
    if not isinstance(error, DBAPIError):
        return None
    number = error.orig.args[0] if error.orig is not None and error.orig.args else None
    if number in _CONTENDED:
        return StoreContended("the transaction met another one", retry_after=1.0)
    if error.connection_invalidated or number in _AWAY:
        return StoreUnavailable("the database is away")
    return None


def described(error: BaseException) -> str:
    """The class and code of an error, for logs and headers: its message may quote what a customer or a row holds."""
    kind = type(error).__name__
    if isinstance(error, DomainError):
        return f"{kind}: {error.code}"
    number = error.orig.args[0] if isinstance(error, DBAPIError) and error.orig and error.orig.args else None
    return f"{kind}: {number}" if isinstance(number, int) else kind


def raised_at(error: BaseException) -> list[str]:
    """Where an error comes from, outermost first, without its message."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-8:]]


@contextmanager
def met_another() -> Iterator[None]:
    """For rows looked for in vain a moment ago: if they are there now, StoreContended, and the work is run again."""
    try:
        yield
    except IntegrityError as error:
        raise StoreContended("another transaction wrote the same rows this very moment", retry_after=1.0) from error
