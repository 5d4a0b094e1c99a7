"""Old guards against repeats go, in small steps; fresh ones stay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.settings import MysqlSettings
from amazonlite.common.core.tasks import stop
from amazonlite.common.data.retention import (
    ANSWER_DAYS,
    ANSWERED,
    AT_ONCE,
    INBOX_DAYS,
    RECEIVED,
    forget_some,
    keep_forgetting,
)
from amazonlite.common.data.unit_of_work import in_transaction, unit_of_work_factory
from amazonlite.common.testing.eventually import eventually

pytestmark = pytest.mark.stores

ADD_RECEIVED = text(
    "INSERT INTO inbox (consumer, event_id, received_at) VALUES ('order', :id, NOW(6) - INTERVAL :age HOUR)"
)
ADD_ANSWERED = text(
    "INSERT INTO idempotency (scope, idempotency_key, fingerprint, attempt, leased_until, status, body, created_at)"
    " VALUES ('orders', :id, '', '', NOW(6), 201, '{}', NOW(6) - INTERVAL :age HOUR)"
)


class Guards:
    """Writes guards of some age in hours and says which are left."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.transactions = unit_of_work_factory(engine)

    async def received(self, age: int, *ids: str) -> None:
        await self._write(ADD_RECEIVED, age, ids)

    async def answered(self, age: int, *ids: str) -> None:
        await self._write(ADD_ANSWERED, age, ids)

    async def _write(self, statement: object, age: int, ids: tuple[str, ...]) -> None:
        async with self.transactions() as uow:
            await uow.execute(statement, [{"id": id, "age": age} for id in ids])  # type: ignore[arg-type]
            await uow.commit()

    async def forgotten(self) -> int:
        return await in_transaction(self.transactions, lambda uow: forget_some(uow, RECEIVED, ANSWERED))

    async def left(self) -> set[str]:
        async with self.transactions() as uow:
            found = await uow.execute(text("SELECT event_id FROM inbox UNION SELECT idempotency_key FROM idempotency"))
            return set(found.scalars())


@pytest.fixture
def guards(common_mysql: MysqlSettings, engine_for: Callable[[MysqlSettings], AsyncEngine]) -> Guards:
    return Guards(engine_for(common_mysql))


async def test_only_what_is_old_enough_is_forgotten(guards: Guards) -> None:
    await guards.received(24 * INBOX_DAYS - 1, "evt_young")
    await guards.received(24 * INBOX_DAYS + 1, "evt_old")
    await guards.answered(24 * ANSWER_DAYS - 1, "key_young")
    await guards.answered(24 * ANSWER_DAYS + 1, "key_old")
    assert await guards.forgotten() == 2
    assert await guards.left() == {"evt_young", "key_young"}
    assert await guards.forgotten() == 0


async def test_however_many_there_are_they_go_in_steps_also_with_several_at_it(guards: Guards) -> None:
    await guards.received(24 * INBOX_DAYS + 1, *(f"evt_{number}" for number in range(AT_ONCE + 500)))
    await guards.received(1, "evt_young")
    assert await guards.forgotten() == AT_ONCE

    async def all_gone() -> bool:
        return await guards.left() == {"evt_young"}

    pods = [asyncio.create_task(keep_forgetting(guards.transactions, RECEIVED, ANSWERED)) for _ in range(2)]
    try:
        await eventually(all_gone)
    finally:
        await stop(pods)
