"""A unit of work is one transaction: it commits only when told to, and its events commit with its state."""

from __future__ import annotations

import asyncio
import random
from collections import Counter as Counted
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeVar
from zlib import crc32

import msgspec
from prometheus_client import Counter
from sqlalchemy import CursorResult, Executable, MetaData, bindparam, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from amazonlite.common.core.event import Event, as_cloud_event
from amazonlite.common.data.engine import ANSWER, ANSWER_SECONDS
from amazonlite.common.data.errors import StoreContended, StoreUnavailable, translated
from amazonlite.common.data.tables import SHARDS, outbox_pending_table, outbox_table

EVENTS_COMMITTED = Counter("events_committed_total", "Facts that this service has committed, by their type", ["type"])

T = TypeVar("T")

_outbox = outbox_table(MetaData())
_pending = outbox_pending_table(MetaData())
_WRITE = insert(_outbox)
_MARK_PENDING = insert(_pending).from_select(
    ["shard", "seq"],
    select(_outbox.c.shard, _outbox.c.seq).where(_outbox.c.event_id.in_(bindparam("written", expanding=True))),
)
_SELECT_ONE = text("SELECT 1")


class UnitOfWork:
    """Connects with its first statement: work that first waits for another service keeps no connection meanwhile.

    Errors: StoreUnavailable when the database is away or silent for the engine's `answer_seconds`, StoreContended when
    another transaction was in the way. Whatever the work itself raises stays what it is.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        on_events_committed: Callable[[], None] | None = None,
        check: Callable[[Event], None] | None = None,
    ) -> None:
        self._engine = engine
        self._answer_seconds: float = engine.get_execution_options().get(ANSWER, ANSWER_SECONDS)
        self._conn: AsyncConnection | None = None
        self._on_events_committed = on_events_committed or _nothing
        self._check = check or _nothing
        self._written: Counted[str] = Counted()
        self._after_commit: list[Callable[[], None]] = []

    async def __aenter__(self) -> UnitOfWork:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()
        store_error = translated(error) if error is not None else None
        if store_error is not None:
            raise store_error from error

    async def _close(self) -> None:
        if self._conn is None:
            return
        if not self._conn.in_transaction():  # nothing to tell the database: closed at once, in this turn of the loop
            await self._conn.close()
            return
        # Closing rolls back what was not committed; a cancelled task must not leave the connection half way through.
        await asyncio.shield(asyncio.create_task(self._rolled_back(self._conn)))

    async def _rolled_back(self, connection: AsyncConnection) -> None:
        """The server does it itself once a connection that does not answer any more, or broke, is gone.

        What was read is true all the same, and what was not committed never happened.
        """
        with suppress(StoreUnavailable, DBAPIError):
            await self._answered(connection.close())

    async def _answered(self, call: Awaitable[T]) -> T:
        """What the driver raises beside its own errors is the database's doing here, and nowhere else."""
        try:
            async with asyncio.timeout(self._answer_seconds):
                return await call
        except OSError as error:
            raise StoreUnavailable("the database did not answer in time") from error

    async def _connected(self) -> AsyncConnection:
        if self._conn is None:
            self._conn = await self._answered(self._engine.connect())
        return self._conn

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        connection = await self._connected()
        return await self._answered(connection.execute(statement, parameters))

    async def driver_sql(self, statement: str) -> CursorResult[Any]:
        """A statement as the driver takes it, without parameters: compiling one costs more than its round trip."""
        connection = await self._connected()
        return await self._answered(connection.exec_driver_sql(statement))

    async def rollback(self) -> None:
        """Lets go of all locks; the unit of work goes on with a new transaction."""
        self._written.clear()
        self._after_commit.clear()
        if self._conn is not None:
            await self._answered(self._conn.rollback())

    async def add_event(self, event: Event) -> None:
        await self.add_events([event])

    async def add_events(self, events: Sequence[Event]) -> None:
        if not events:
            return
        for event in events:
            self._check(event)
        await self.execute(_WRITE, [_outbox_row(event) for event in events])
        await self.execute(_MARK_PENDING, {"written": [event.id for event in events]})
        self._written.update(event.type for event in events)

    def after_commit(self, report: Callable[[], None]) -> None:
        """`report` is called once the transaction is committed, and never if it is not."""
        self._after_commit.append(report)

    async def commit(self) -> None:
        if self._conn is not None:
            await self._answered(self._conn.commit())
        while self._after_commit:
            self._after_commit.pop()()
        if self._written:
            self._on_events_committed()
        for type, count in self._written.items():
            EVENTS_COMMITTED.labels(type).inc(count)
        self._written.clear()


UnitOfWorkFactory = Callable[[], UnitOfWork]


def unit_of_work_factory(
    engine: AsyncEngine,
    on_events_committed: Callable[[], None] | None = None,
    check: Callable[[Event], None] | None = None,
) -> UnitOfWorkFactory:
    """`on_events_committed` is called after each commit that wrote events and wakes the relay; `check` raises on an
    event that breaks its schema, so that none is ever written."""
    return lambda: UnitOfWork(engine, on_events_committed, check)


async def in_transaction(
    factory: UnitOfWorkFactory, work: Callable[[UnitOfWork], Awaitable[T]], *, attempts: int = 4
) -> T:
    """Runs `work` and commits; a deadlock or lock wait runs all of it again, so `work` changes only the store."""
    for attempt in range(1, attempts):
        try:
            return await _once(factory, work)
        except StoreContended:
            await asyncio.sleep(random.uniform(0, 0.02 * 2**attempt))
    return await _once(factory, work)


async def ping(factory: UnitOfWorkFactory) -> None:
    """StoreUnavailable unless the database answers now."""
    async with factory() as uow:
        await uow.execute(_SELECT_ONE)


async def _once(factory: UnitOfWorkFactory, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
    async with factory() as uow:
        result = await work(uow)
        await uow.commit()
        return result


def _nothing(*_: object) -> None:
    """Nobody listens."""


def shard_of(aggregate_id: str) -> int:
    return crc32(aggregate_id.encode()) % SHARDS


def _outbox_row(event: Event) -> dict[str, Any]:
    return {
        "event_id": event.id,
        "shard": shard_of(event.subject),
        "aggregate_id": event.subject,
        "topic": event.type,
        "payload": msgspec.json.encode(as_cloud_event(event)),
    }
