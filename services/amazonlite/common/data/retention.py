"""What only guards against repeats is forgotten once no repeat can come any more."""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from amazonlite.common.data.errors import StoreUnavailable
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory, in_transaction
from amazonlite.common.observe.logs import get_logger

log = get_logger(__name__)

# Events are kept for 7 days by the outbox and by Kafka, so none can be delivered again after 30. A client that repeats
# a command does so within minutes.
INBOX_DAYS, ANSWER_DAYS = 30, 7
AT_ONCE = 1000
PAUSE_SECONDS = 600.0

_FORGET_RECEIVED = text(
    "DELETE FROM inbox WHERE received_at < NOW(6) - INTERVAL :days DAY ORDER BY received_at LIMIT :count"
)
_FORGET_ANSWERED = text(
    "DELETE FROM idempotency WHERE created_at < NOW(6) - INTERVAL :days DAY ORDER BY created_at LIMIT :count"
)


async def forget_some(uow: UnitOfWork) -> int:
    """How many old rows of inbox and stored answers are gone now; at most AT_ONCE of each, so that no lock is long."""
    received = await uow.execute(_FORGET_RECEIVED, {"days": INBOX_DAYS, "count": AT_ONCE})
    answered = await uow.execute(_FORGET_ANSWERED, {"days": ANSWER_DAYS, "count": AT_ONCE})
    return received.rowcount + answered.rowcount


async def keep_forgetting(factory: UnitOfWorkFactory) -> None:
    """Runs for as long as the process; several may, and a database that is away is tried again after the pause."""
    while True:
        try:
            while await in_transaction(factory, forget_some):
                pass
        except StoreUnavailable as error:
            log.warning("nothing_forgotten", error=error.code)
        await asyncio.sleep(PAUSE_SECONDS)
