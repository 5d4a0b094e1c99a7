"""Many requests with one key at the same moment: one effect, and everyone hears of that one or is told to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.clock import SystemClock
from amazonlite.common.core.settings import MysqlSettings
from amazonlite.common.data.idempotency import RequestInFlight, StoredAnswer, nothing, run_idempotent
from amazonlite.common.data.unit_of_work import UnitOfWork, unit_of_work_factory

pytestmark = pytest.mark.stores


@pytest.mark.parametrize("round_", range(5))
async def test_one_key_from_twenty_callers(
    common_mysql: MysqlSettings, engine_for: Callable[[MysqlSettings], AsyncEngine], round_: int
) -> None:
    factory = unit_of_work_factory(engine_for(common_mysql))

    async def effect(uow: UnitOfWork, _: None) -> StoredAnswer:
        await uow.execute(text("UPDATE outbox_shard SET fence = fence + 1 WHERE shard = 0"))
        return StoredAnswer(201, {"round": round_})

    async def call() -> StoredAnswer:
        return await run_idempotent(
            factory, scope="orders", key="k", fingerprint="f", prepare=nothing, work=effect, clock=SystemClock()
        )

    outcomes = await asyncio.gather(*(call() for _ in range(20)), return_exceptions=True)

    answers = [outcome for outcome in outcomes if isinstance(outcome, StoredAnswer)]
    assert all(isinstance(outcome, StoredAnswer | RequestInFlight) for outcome in outcomes), outcomes
    assert [answer.replayed for answer in answers].count(False) == 1
    assert {answer.body["round"] for answer in answers} == {round_}
    async with factory() as uow:
        assert (await uow.execute(text("SELECT fence FROM outbox_shard WHERE shard = 0"))).scalar_one() == 1
