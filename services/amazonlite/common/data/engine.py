"""One engine a process. READ COMMITTED and UTC on every connection; a restarted database heals by itself."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import asyncmy
from sqlalchemy import URL, Dialect, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from amazonlite.common.core.settings import MysqlSettings

CONNECT_SECONDS = 5
FRESH_SECONDS = 1.0


def create_engine(mysql: MysqlSettings, *, pool_size: int = 10) -> AsyncEngine:
    url = URL.create(
        "mysql+asyncmy",
        username=mysql.user,
        password=mysql.password,
        host=mysql.host,
        port=mysql.port,
        database=mysql.database,
        query={"charset": "utf8mb4"},
    )
    engine = create_async_engine(
        url,
        isolation_level="READ COMMITTED",
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=CONNECT_SECONDS,
        # Closing a connection rolls back its transaction; one more ROLLBACK would be a round trip for nothing.
        pool_reset_on_return=None,
        pool_recycle=1800,
        connect_args={"async_creator_fn": _connect, "init_command": "SET time_zone = '+00:00'"},
    )
    _ping_the_rested(engine)
    return engine


def _ping_the_rested(engine: AsyncEngine) -> None:
    """A connection that died in the pool is replaced before anyone sees an error.

    Unlike `pool_pre_ping` this spares those used a moment ago the round trip: under load that is all of them.
    """
    dialect: Dialect = engine.dialect

    def returned(_: Any, record: Any) -> None:
        record.info["returned_at"] = monotonic()

    def taken(connection: Any, record: Any, _: Any) -> None:
        if monotonic() - record.info.get("returned_at", monotonic()) < FRESH_SECONDS:
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    event.listen(engine.sync_engine, "checkin", returned)
    event.listen(engine.sync_engine, "checkout", taken)


async def _connect(**options: Any) -> asyncmy.Connection:
    """Opens a connection within `CONNECT_SECONDS`; whoever is cancelled meanwhile stays cancelled.

    The driver waits in `asyncio.wait_for`, which before Python 3.12 loses a cancellation that comes in the same turn
    of the loop as the result (https://github.com/python/cpython/issues/86296); the task still remembers it.
    """
    task = asyncio.current_task()
    asked_before = task.cancelling() if task else 0
    async with asyncio.timeout(CONNECT_SECONDS):
        connection = await asyncmy.connect(**options)
    if task and task.cancelling() > asked_before:
        connection.close()
        raise asyncio.CancelledError
    return connection
