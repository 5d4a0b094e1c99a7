"""What the driver alone gets wrong about connecting, waiting and telling."""

from __future__ import annotations

import asyncio
import random
import traceback
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.settings import MysqlSettings
from amazonlite.common.data.engine import ANSWER_SECONDS, FRESH_SECONDS, LOCK_SECONDS, READ_BYTES, create_engine
from amazonlite.common.data.errors import StoreUnavailable
from amazonlite.common.data.unit_of_work import UnitOfWorkFactory, ping, unit_of_work_factory
from amazonlite.common.testing.eventually import eventually
from support.black_hole import black_hole

pytestmark = pytest.mark.stores

ATTEMPTS = 400


async def test_a_cancelled_connect_stays_cancelled(
    common_mysql: MysqlSettings, engine_for: Callable[[MysqlSettings], AsyncEngine]
) -> None:
    """Cancelled at any moment of connecting; the driver's own timeout lets one in about thirty go on."""

    async def ask() -> None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
            went_on.append(1)
            await asyncio.Event().wait()

    went_on: list[int] = []
    engine = engine_for(common_mysql)
    started = perf_counter()
    async with engine.connect():
        usual = perf_counter() - started
    await engine.dispose()
    for _ in range(ATTEMPTS):
        asking = asyncio.create_task(ask())
        await asyncio.sleep(random.uniform(0, usual / 2))
        before = len(went_on)
        asking.cancel()
        done, _ = await asyncio.wait({asking}, timeout=5)
        asking.cancel()
        assert done, "a cancelled task went on"
        assert len(went_on) == before
        await engine.dispose()


async def test_a_connection_takes_little_to_read_into_and_more_only_while_an_answer_needs_it(
    common_mysql: MysqlSettings, engine_for: Callable[[MysqlSettings], AsyncEngine]
) -> None:
    engine = engine_for(common_mysql)
    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        assert len(driver._proto.buffer) == READ_BYTES
        for length in (1, READ_BYTES - 5, READ_BYTES, 700_000, 2):
            (found,) = (await connection.execute(text(f"SELECT REPEAT('x', {length})"))).one()
            assert found == "x" * length
        assert len(driver._proto.buffer) > 700_000
    assert len(driver._proto.buffer) == READ_BYTES
    async with engine.connect() as connection:
        assert (await connection.get_raw_connection()).driver_connection is driver
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1


async def test_a_database_that_hangs_up_after_the_last_answer_disturbs_nobody(common_mysql: MysqlSettings) -> None:
    """There is nothing left to lose: the work has its answer, and the transaction ends by itself."""
    async with black_hole(common_mysql.host, common_mysql.port) as between:
        mysql = common_mysql.model_copy(update={"host": "127.0.0.1", "port": between.port})
        engine = create_engine(mysql, pool_size=1)
        transactions = unit_of_work_factory(engine)
        for _ in range(15):  # more than the pool would give out if the broken ones stayed with us
            async with transactions() as uow:
                assert (await uow.execute(text("SELECT 1"))).scalar() == 1
                between.refuse()
            with pytest.raises(StoreUnavailable):
                await ping(transactions)
            between.let_new_ones_pass()
            await eventually(lambda: _answered(transactions))
        await engine.dispose()


async def test_a_database_that_falls_silent_is_away_after_the_answer_time(common_mysql: MysqlSettings) -> None:
    """No reset, no refusal: bytes are swallowed, in the middle of a transaction and on the connections of the pool."""
    async with black_hole(common_mysql.host, common_mysql.port) as between:
        mysql = common_mysql.model_copy(update={"host": "127.0.0.1", "port": between.port})
        engine = create_engine(mysql, pool_size=3, answer_seconds=0.5)
        transactions = unit_of_work_factory(engine)
        await asyncio.gather(*(_answers_twice(transactions) for _ in range(3)))
        async with asyncio.timeout(10):
            with pytest.raises(StoreUnavailable):
                async with transactions() as uow:
                    await uow.execute(text("SELECT 1"))
                    between.swallow()
                    await uow.execute(text("SELECT 1"))
            for _ in range(3):
                with pytest.raises(StoreUnavailable):
                    await ping(transactions)
        between.let_new_ones_pass()
        await asyncio.sleep(FRESH_SECONDS)  # what rested is asked whether it is alive
        async with asyncio.timeout(10):
            await eventually(lambda: _answered(transactions))
        await engine.dispose()


async def test_a_lock_is_waited_for_less_long_than_an_answer(
    common_mysql: MysqlSettings, engine_for: Callable[[MysqlSettings], AsyncEngine]
) -> None:
    async with engine_for(common_mysql).connect() as connection:
        found = await connection.scalar(text("SELECT @@innodb_lock_wait_timeout"))
    assert found == LOCK_SECONDS < ANSWER_SECONDS


async def test_errors_name_no_value(
    common_mysql: MysqlSettings, engine_for: Callable[[MysqlSettings], AsyncEngine]
) -> None:
    """Neither what was bound nor what the server quotes of it."""
    transactions = unit_of_work_factory(engine_for(common_mysql))
    statement = text("INSERT INTO inbox (consumer, event_id) VALUES (:consumer, :event_id)")
    secret = {"consumer": "c-ada", "event_id": "ada-4111"}
    with pytest.raises(IntegrityError) as twice:
        async with transactions() as uow:
            await uow.execute(statement, secret)
            await uow.execute(statement, secret)
    told = "".join(traceback.format_exception(twice.value))
    assert "1062" in told
    assert "4111" not in told


async def _answers_twice(transactions: UnitOfWorkFactory) -> None:
    async with transactions() as uow:
        await uow.execute(text("SELECT SLEEP(0.1)"))


async def _answered(transactions: UnitOfWorkFactory) -> bool:
    with suppress(StoreUnavailable):
        await ping(transactions)
        return True
    return False
