"""The payment service as the pod runs it, with its broker away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from amazonlite.common.core.settings import KafkaSettings, MysqlSettings
from amazonlite.common.observe.metrics import TASK_RESTARTS
from amazonlite.common.testing.asgi import asgi_client
from amazonlite.common.testing.eventually import eventually
from amazonlite.payment.app import create
from amazonlite.payment.settings import Settings
from support.black_hole import black_hole

NO_BROKER = KafkaSettings(bootstrap="127.0.0.1:9")


async def test_a_short_outage_of_the_database_ends_no_loop(mysql_for: Callable[[str], MysqlSettings]) -> None:
    """A loop that ends is started again ever later, and the pod takes no requests until then."""
    own = mysql_for("payment")
    async with black_hole(own.host, own.port) as between:
        mysql = own.model_copy(update={"host": "127.0.0.1", "port": between.port})
        app = create(
            Settings(
                mysql=mysql,
                kafka=NO_BROKER,
                payment_webhook_secret="0123456789abcdef",
                payment_follow_up_seconds=0.01,
            )
        )
        async with asgi_client(app) as client:

            async def ready() -> bool:
                return (await client.get("/readyz")).status == 200

            await eventually(ready)
            between.refuse()
            before = _restarts()
            await asyncio.sleep(1)  # many turns of each loop
            assert _restarts() == before
            between.let_new_ones_pass()
            await eventually(ready, within=5)


def _restarts() -> float:
    loops = (metric.samples for metric in TASK_RESTARTS.collect())
    return sum(sample.value for samples in loops for sample in samples if sample.name.endswith("_total"))


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
