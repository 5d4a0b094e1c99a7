"""A unit of work against the real database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.clock import SystemClock
from amazonlite.common.core.event import Event, new_event
from amazonlite.common.core.ids import new_id
from amazonlite.common.core.settings import MysqlSettings
from amazonlite.common.data.engine import create_engine
from amazonlite.common.data.errors import StoreContended, StoreUnavailable
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction, ping, unit_of_work_factory
from amazonlite.common.testing.stores import root_cursor

pytestmark = pytest.mark.stores


def an_event(subject: str = "ord_1") -> Event:
    return new_event("order.created.v1", subject, {"n": 1}, source="/order", clock=SystemClock(), ids=new_id)


@pytest.fixture
def engine(common_mysql: MysqlSettings, engine_for: Callable[[MysqlSettings], AsyncEngine]) -> AsyncEngine:
    return engine_for(common_mysql)


async def count(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text("SELECT COUNT(*) FROM outbox")) or 0)


async def test_without_a_commit_nothing_stays(engine: AsyncEngine) -> None:
    async with unit_of_work_factory(engine)() as uow:
        await uow.add_event(an_event())
    assert await count(engine) == 0


async def test_an_error_rolls_back(engine: AsyncEngine) -> None:
    with pytest.raises(RuntimeError):
        async with unit_of_work_factory(engine)() as uow:
            await uow.add_event(an_event())
            raise RuntimeError
    assert await count(engine) == 0


async def test_a_commit_keeps_state_and_wakes_the_relay_once(engine: AsyncEngine) -> None:
    woken: list[bool] = []
    factory = unit_of_work_factory(engine, lambda: woken.append(True))
    async with factory() as uow:
        await uow.add_events([an_event(), an_event("ord_2")])
        assert woken == []
        await uow.commit()
    async with factory() as uow:
        await uow.execute(text("SELECT 1"))
        await uow.commit()
    assert woken == [True]
    assert await count(engine) == 2


def committed() -> float:
    return REGISTRY.get_sample_value("events_committed_total", {"type": "order.created.v1"}) or 0


async def test_only_what_is_committed_is_counted(engine: AsyncEngine) -> None:
    before = committed()
    async with unit_of_work_factory(engine)() as uow:
        await uow.add_event(an_event())
    assert committed() == before
    async with unit_of_work_factory(engine)() as uow:
        await uow.add_events([an_event(), an_event("ord_2")])
        await uow.commit()
        await uow.commit()
    assert committed() == before + 2


async def test_sessions_read_committed_in_utc(engine: AsyncEngine) -> None:
    async with unit_of_work_factory(engine)() as uow:
        zone = (await uow.execute(text("SELECT @@session.time_zone"))).scalar_one()
        # The variable's whole name differs between MariaDB and MySQL.
        isolation = (await uow.execute(text("SHOW VARIABLES LIKE 't%\\_isolation'"))).scalars("Value").all()
    assert zone == "+00:00"
    assert isolation == ["READ-COMMITTED"]


async def test_a_deadlock_runs_the_work_again(engine: AsyncEngine) -> None:
    factory = unit_of_work_factory(engine)
    both_hold_one = asyncio.Barrier(2)
    runs = 0

    async def lock(first: int, second: int) -> None:
        async def work(uow: UnitOfWork) -> None:
            nonlocal runs
            runs += 1
            update = text("UPDATE outbox_shard SET owner = 'x' WHERE shard = :shard")
            await uow.execute(update, {"shard": first})
            if runs <= 2:
                await both_hold_one.wait()
            await uow.execute(update, {"shard": second})

        await in_transaction(factory, work)

    await asyncio.gather(lock(1, 2), lock(2, 1))
    assert runs == 3


async def test_contention_that_stays_is_reported(engine: AsyncEngine) -> None:
    factory = unit_of_work_factory(engine)
    async with factory() as holder:
        await holder.execute(text("UPDATE outbox_shard SET owner = 'x'"))

        async def work(uow: UnitOfWork) -> None:
            await uow.execute(text("SET SESSION innodb_lock_wait_timeout = 1"))
            await uow.execute(text("UPDATE outbox_shard SET owner = 'y'"))

        with pytest.raises(StoreContended):
            await in_transaction(factory, work, attempts=2)


async def test_a_refused_connection_is_unavailable(
    common_mysql: MysqlSettings, engine_for: Callable[[MysqlSettings], AsyncEngine]
) -> None:
    nobody = common_mysql.model_copy(update={"port": 1})
    with pytest.raises(StoreUnavailable) as refused:
        await ping(unit_of_work_factory(engine_for(nobody)))
    assert refused.value.status == 503
    assert refused.value.headers["Retry-After"] == "1"


async def test_a_connection_killed_in_use_is_unavailable_and_the_next_one_works(engine: AsyncEngine) -> None:
    factory = unit_of_work_factory(engine)
    with pytest.raises(StoreUnavailable):
        async with factory() as uow:
            number = (await uow.execute(text("SELECT CONNECTION_ID()"))).scalar_one()
            with root_cursor() as cursor:
                cursor.execute(f"KILL {number}")
            await uow.execute(text("SELECT 1"))
    async with factory() as uow:
        assert (await uow.execute(text("SELECT 1"))).scalar_one() == 1


async def _killed(engine: AsyncEngine) -> None:
    """The pool's connection dies while nobody uses it."""
    async with unit_of_work_factory(engine)() as uow:
        number = (await uow.execute(text("SELECT CONNECTION_ID()"))).scalar_one()
    with root_cursor() as cursor:
        cursor.execute(f"KILL {number}")


async def test_a_connection_killed_while_idle_is_replaced_unseen(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amazonlite.common.data.engine.FRESH_SECONDS", 0.0)
    await _killed(engine)
    await ping(unit_of_work_factory(engine))


async def test_a_connection_killed_right_after_its_use_is_unavailable_once(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amazonlite.common.data.engine.FRESH_SECONDS", 60.0)
    await _killed(engine)
    with pytest.raises(StoreUnavailable):
        await ping(unit_of_work_factory(engine))
    await ping(unit_of_work_factory(engine))


async def test_a_transaction_left_open_is_rolled_back_before_the_connection_serves_again(engine: AsyncEngine) -> None:
    factory = unit_of_work_factory(engine)
    async with factory() as uow:
        await uow.add_event(an_event())
        mine = (await uow.execute(text("SELECT CONNECTION_ID()"))).scalar_one()
    async with factory() as uow:
        assert (await uow.execute(text("SELECT CONNECTION_ID()"))).scalar_one() == mine
        await uow.commit()
    assert await count(engine) == 0


async def test_work_that_waits_before_its_first_statement_keeps_no_connection(common_mysql: MysqlSettings) -> None:
    engine = create_engine(common_mysql, pool_size=1)
    factory = unit_of_work_factory(engine)
    waiting, answered = asyncio.Event(), asyncio.Event()

    async def after_another_service(uow: UnitOfWork) -> None:
        waiting.set()
        await answered.wait()
        await uow.add_event(an_event())

    slow = asyncio.create_task(in_transaction(factory, after_another_service))
    await waiting.wait()
    await in_transaction(factory, lambda uow: uow.add_event(an_event("ord_2")))
    answered.set()
    await slow
    assert await count(engine) == 2
    await engine.dispose()


async def test_what_is_to_be_reported_is_reported_after_the_commit_only(engine: AsyncEngine) -> None:
    reported: list[str] = []
    factory = unit_of_work_factory(engine)
    async with factory() as uow:
        uow.after_commit(lambda: reported.append("rolled back"))
    async with factory() as uow:
        uow.after_commit(lambda: reported.append("committed"))
        assert reported == []
        await uow.commit()
    assert reported == ["committed"]
