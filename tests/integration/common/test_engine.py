"""What the driver alone gets wrong about connecting."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from time import perf_counter

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.settings import MysqlSettings

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
