"""A moment comes back as it went in, whatever zone it was told in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.settings import MysqlSettings
from amazonlite.common.data.columns import UtcDateTime
from amazonlite.common.data.unit_of_work import unit_of_work_factory

pytestmark = pytest.mark.stores

MOMENTS = Table("moments", MetaData(), Column("id", Integer, primary_key=True), Column("at", UtcDateTime()))
NOON = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=UTC)
IN_DELHI = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))


async def test_a_moment_is_utc_in_the_database_and_aware_in_python(
    common_mysql: MysqlSettings, engine_for: Callable[[MysqlSettings], AsyncEngine]
) -> None:
    async with unit_of_work_factory(engine_for(common_mysql))() as uow:
        await uow.execute(text("CREATE TABLE moments (id INT PRIMARY KEY, at DATETIME(6) NULL)"))
        try:
            await uow.execute(insert(MOMENTS), [{"id": 1, "at": IN_DELHI}, {"id": 2, "at": None}])
            kept = (await uow.execute(text("SELECT CAST(at AS CHAR) FROM moments WHERE id = 1"))).scalar()
            assert kept == "2026-07-01 12:00:00.123456"
            found = (await uow.execute(select(MOMENTS.c.at).order_by(MOMENTS.c.id))).scalars().all()
            assert found == [NOON, None]
            first = (await uow.execute(select(func.min(MOMENTS.c.at)).where(MOMENTS.c.at >= IN_DELHI))).scalar()
            assert first == NOON
        finally:
            await uow.execute(text("DROP TABLE moments"))
