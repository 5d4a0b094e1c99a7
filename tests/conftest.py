"""Fixtures on the real stores; a test that uses one fails with a clear message where no store runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack

import pymongo
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.settings import KafkaSettings, MongoSettings, MysqlSettings
from amazonlite.common.data.engine import create_engine
from amazonlite.common.testing import stores
from support.scratch_databases import COMMON, ScratchDatabases

pytest_plugins = ["support.sharing", "support.documented"]


@pytest.fixture(scope="session")
def scratch_databases() -> Iterator[ScratchDatabases]:
    with stores.root_cursor() as cursor:
        made = ScratchDatabases(cursor)
        yield made
        made.drop_all()


@pytest.fixture
def mysql_for(scratch_databases: ScratchDatabases) -> Iterator[Callable[[str], MysqlSettings]]:
    """`mysql_for("inventory")`: a migrated scratch database that nobody else has during the test."""
    with ExitStack() as lent:
        yield lambda service: lent.enter_context(scratch_databases.lent(service))


@pytest.fixture
def common_mysql(scratch_databases: ScratchDatabases) -> Iterator[MysqlSettings]:
    """A scratch database with outbox, inbox and idempotency only."""
    with scratch_databases.lent(COMMON) as mysql:
        yield mysql


@pytest.fixture
async def engine_for() -> AsyncIterator[Callable[[MysqlSettings], AsyncEngine]]:
    """`engine_for(mysql)`: an engine that is closed after the test."""
    engines: list[AsyncEngine] = []

    def create(mysql: MysqlSettings) -> AsyncEngine:
        engines.append(create_engine(mysql))
        return engines[-1]

    yield create
    for engine in engines:
        await engine.dispose()


@pytest.fixture
def kafka() -> KafkaSettings:
    return stores.kafka_settings()


@pytest.fixture
def redis_url() -> Iterator[str]:
    """A Redis database of this test's own, emptied before and after."""
    with stores.redis_database() as url:
        yield url


@pytest.fixture
def mongo() -> Iterator[MongoSettings]:
    """A scratch MongoDB database, dropped after the test."""
    settings = stores.mongo_settings()
    yield settings
    with pymongo.MongoClient[dict[str, object]](settings.url) as client:
        client.drop_database(settings.database)
