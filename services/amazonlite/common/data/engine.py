"""One engine a process. READ COMMITTED and UTC on every connection; a restarted database heals by itself.

A database that is silent is taken for away: the unit of work waits ANSWER_SECONDS for a statement, a pooled connection
is asked within PING_SECONDS whether it is alive, and one that is not makes all others of its pool be opened anew.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import asyncmy
import asyncmy.errors
from sqlalchemy import URL, Dialect, ExceptionContext, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from amazonlite.common.core.settings import MysqlSettings

CONNECT_SECONDS = 5
FRESH_SECONDS = 1.0
SIGNAL = 1644  # a trigger refuses the statement
PING_SECONDS = 2.0
# Longer than any statement of a service takes, and than it may wait for a lock: that has to end as contention.
ANSWER_SECONDS = 30.0
LOCK_SECONDS = 20
ANSWER = "answer_seconds"  # an option of the engine
READ_BYTES = 16 * 1024
MOST_KEPT = 64 * 1024


def create_engine(mysql: MysqlSettings, *, pool_size: int = 10, answer_seconds: float = ANSWER_SECONDS) -> AsyncEngine:
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
        # Errors that reach a log name neither what a customer sent nor what a row holds.
        hide_parameters=True,
        execution_options={ANSWER: answer_seconds},
        connect_args={
            "async_creator_fn": _connect,
            "init_command": f"SET time_zone = '+00:00', innodb_lock_wait_timeout = {LOCK_SECONDS}",
        },
    )
    event.listen(engine.sync_engine, "handle_error", _without_values)
    _ping_the_rested(engine)
    return engine


def _without_values(context: ExceptionContext) -> None:
    """The server quotes values in its messages ("Duplicate entry 'ada@…'"): class and number stay, the text goes.

    What a trigger of ours says stays too.
    """
    driver, ours = context.original_exception, context.sqlalchemy_exception
    if isinstance(driver, asyncmy.errors.Error) and driver.args and driver.args[0] != SIGNAL:
        driver.args = driver.args[:1]
        if ours is not None:
            ours.args = (f"({type(driver).__name__}) {driver.args[0]}",)


def _ping_the_rested(engine: AsyncEngine) -> None:
    """A connection that died in the pool is replaced before anyone sees an error.

    Unlike `pool_pre_ping` this spares those used a moment ago the round trip: under load that is all of them.
    """
    dialect: Dialect = engine.dialect

    def returned(connection: Any, record: Any) -> None:
        record.info["returned_at"] = monotonic()
        if connection is not None:
            _read_into_less(connection.driver_connection)

    def taken(connection: Any, record: Any, _: Any) -> None:
        if monotonic() - record.info.get("returned_at", monotonic()) < FRESH_SECONDS:
            return
        try:
            await_only(_answers(connection.driver_connection))
        except (dialect.loaded_dbapi.Error, OSError) as error:
            raise InvalidatePoolError from error

    event.listen(engine.sync_engine, "checkin", returned)
    event.listen(engine.sync_engine, "checkout", taken)


async def _answers(connection: asyncmy.Connection) -> None:
    async with asyncio.timeout(PING_SECONDS):
        await connection.ping(reconnect=False)


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
    _read_into_less(connection)
    return connection


def _read_into_less(connection: Any) -> None:
    """Gives a new or returned connection a small buffer again; it grows with the next answer that needs more.

    The driver begins with 256 KiB, all of them touched, and keeps up to a MiB: 7 to 26 MiB for a service's 26
    connections, since a pool hands them out in turn. Only between answers may the buffer be another one.
    """
    reading = connection._proto
    if reading is not None and len(reading.buffer) > MOST_KEPT and reading.pos == reading.length:
        reading.buffer = bytearray(READ_BYTES)
        reading.pos = reading.length = 0
