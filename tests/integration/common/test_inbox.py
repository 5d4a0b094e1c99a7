"""The inbox under two transactions at once: an event is one's alone, and the other waits to learn whose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.settings import MysqlSettings
from amazonlite.common.data.unit_of_work import UnitOfWorkFactory, in_transaction, unit_of_work_factory
from amazonlite.common.events.inbox import first_times
from amazonlite.common.testing.eventually import eventually
from support.consumers import waits_for_a_lock

pytestmark = pytest.mark.stores

OURS = [f"evt_{number:03}" for number in range(150)]
THEIRS = [*OURS[100:], "evt_new"]


@pytest.fixture
def factory(common_mysql: MysqlSettings, engine_for: Callable[[MysqlSettings], AsyncEngine]) -> UnitOfWorkFactory:
    return unit_of_work_factory(engine_for(common_mysql))


async def take(factory: UnitOfWorkFactory, ids: list[str], consumer: str = "test") -> frozenset[str]:
    return await in_transaction(factory, lambda uow: first_times(uow, consumer, ids))


async def test_each_event_is_new_once_for_each_consumer(factory: UnitOfWorkFactory) -> None:
    assert await take(factory, OURS) == set(OURS)
    assert await take(factory, OURS) == set()
    assert await take(factory, THEIRS[::-1]) == {"evt_new"}
    assert await take(factory, OURS, "another") == set(OURS)


@pytest.mark.parametrize(("commits", "new"), [(True, {"evt_new"}), (False, set(THEIRS))])
async def test_who_comes_second_waits_for_the_end_of_the_first(
    factory: UnitOfWorkFactory, common_mysql: MysqlSettings, commits: bool, new: set[str]
) -> None:
    async with factory() as first:
        assert await first_times(first, "test", OURS) == set(OURS)
        second = asyncio.create_task(take(factory, THEIRS))
        await eventually(lambda: waits_for_a_lock(common_mysql.database), what="the second waits for a lock")
        assert not second.done()
        if commits:
            await first.commit()
    assert await second == new
