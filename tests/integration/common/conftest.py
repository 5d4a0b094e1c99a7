from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.settings import KafkaSettings, MysqlSettings
from amazonlite.common.testing.stores import kafka_topics
from support.consumers import ConsumerBench


@pytest.fixture
def bench(
    common_mysql: MysqlSettings, engine_for: Callable[[MysqlSettings], AsyncEngine], kafka: KafkaSettings
) -> Iterator[ConsumerBench]:
    with kafka_topics("consumer") as [topic]:
        yield ConsumerBench(engine_for(common_mysql), kafka, topic)
