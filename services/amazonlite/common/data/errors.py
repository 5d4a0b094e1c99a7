"""What a failing store looks like to a service: either it is away, or two transactions stood in each other's way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from amazonlite.common.core.errors import Unavailable

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
    """The store error behind what SQLAlchemy or the driver raised; None when the statement itself was at fault."""
    if isinstance(error, PoolTimeout | OSError | TimeoutError):
        return StoreUnavailable("the database did not answer in time")
    if not isinstance(error, DBAPIError):
        return None
    number = error.orig.args[0] if error.orig is not None and error.orig.args else None
    if number in _CONTENDED:
        return StoreContended("the transaction met another one", retry_after=1.0)
    if error.connection_invalidated or number in _AWAY:
        return StoreUnavailable("the database is away")
    return None


@contextmanager
def met_another() -> Iterator[None]:
    """For rows looked for in vain a moment ago: if they are there now, StoreContended, and the work is run again."""
    try:
        yield
    except IntegrityError as error:
        raise StoreContended("another transaction wrote the same rows this very moment", retry_after=1.0) from error
