"""The payment service as the pod runs it, with its broker away."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from amazonlite.common.core.settings import KafkaSettings, MysqlSettings
from amazonlite.common.testing.asgi import asgi_client
from amazonlite.common.testing.eventually import eventually
from amazonlite.payment.app import create
from amazonlite.payment.settings import Settings

NO_BROKER = KafkaSettings(bootstrap="127.0.0.1:9")


@pytest.mark.parametrize(("database", "status"), [("there", 200), ("away", 503)])
async def test_the_service_is_ready_without_its_broker_but_not_without_its_database(
    mysql_for: Callable[[str], MysqlSettings], database: str, status: int
) -> None:
    mysql = mysql_for("payment")
    if database == "away":
        mysql = mysql.model_copy(update={"port": 9})
    async with asgi_client(
        create(Settings(mysql=mysql, kafka=NO_BROKER, payment_webhook_secret="0123456789abcdef"))
    ) as client:

        async def answered() -> bool:
            return (await client.get("/readyz")).status == status

        await eventually(answered)
        assert (await client.get("/openapi.json")).status == 200
