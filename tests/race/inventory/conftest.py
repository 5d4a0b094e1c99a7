"""Each test has inventory pods on a database and a Redis of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from amazonlite.common.core.settings import MysqlSettings
from support.inventory import Pod, pods
from support.own_redis import OwnRedis, own_redis


@pytest.fixture
def redis_server() -> Iterator[OwnRedis]:
    with own_redis() as server:
        yield server


@pytest.fixture
async def two_pods(mysql_for: Callable[[str], MysqlSettings], redis_server: OwnRedis) -> AsyncIterator[list[Pod]]:
    async with pods(mysql_for("inventory"), redis_server.url) as made:
        yield made


@pytest.fixture
def pod(two_pods: list[Pod]) -> Pod:
    return two_pods[0]
