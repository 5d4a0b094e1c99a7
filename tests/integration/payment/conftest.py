"""Each test has a payment service on a database of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.settings import MysqlSettings
from amazonlite.common.data.unit_of_work import unit_of_work_factory
from support.payments import PaymentBench, payment_bench


@pytest.fixture
def bench(
    mysql_for: Callable[[str], MysqlSettings], engine_for: Callable[[MysqlSettings], AsyncEngine]
) -> PaymentBench:
    return payment_bench(unit_of_work_factory(engine_for(mysql_for("payment"))))
