"""Deletes inbox and idempotency rows older than their retention: no repeat can come any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy import TextClause, text

from amazonlite.common.background.every import every
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory, in_transaction

# Events are kept for 7 days by the outbox and by Kafka, so none can be delivered again after 30. A client that repeats
# a command does so within minutes.
INBOX_DAYS, ANSWER_DAYS = 30, 7
AT_ONCE = 1000
PAUSE_SECONDS = 600.0

RECEIVED = text(
    f"DELETE FROM inbox WHERE received_at < NOW(6) - INTERVAL {INBOX_DAYS} DAY ORDER BY received_at LIMIT :count"  # noqa: S608 - our own integers
)
ANSWERED = text(
    f"DELETE FROM idempotency WHERE created_at < NOW(6) - INTERVAL {ANSWER_DAYS} DAY ORDER BY created_at LIMIT :count"  # noqa: S608
)


async def forget_some(uow: UnitOfWork, *guards: TextClause) -> int:
    """How many old rows of these guards are gone now; at most AT_ONCE of each, so that no lock is long."""
    return sum([(await uow.execute(guard, {"count": AT_ONCE})).rowcount for guard in guards])


async def keep_forgetting(factory: UnitOfWorkFactory, *guards: TextClause) -> None:
    """`guards` are RECEIVED and, where a service has such answers, ANSWERED."""
    await keep_trimming(factory, lambda uow: forget_some(uow, *guards))


async def keep_trimming(factory: UnitOfWorkFactory, trim: Callable[[UnitOfWork], Awaitable[int]]) -> None:
    """Runs for as long as the process; several may, and a database that is away is tried again after the pause.

    `trim` deletes some rows that are of no use any more and says how many.
    """

    async def trimmed() -> bool:
        return await in_transaction(factory, trim) > 0

    await every(PAUSE_SECONDS, trimmed, waits="nothing_forgotten")
