"""The order service as the pod runs it, with its broker away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.settings import AuthClientSettings, KafkaSettings, MysqlSettings
from amazonlite.common.data.unit_of_work import unit_of_work_factory
from amazonlite.common.observe.metrics import TASK_RESTARTS
from amazonlite.common.testing.asgi import asgi_client
from amazonlite.common.testing.eventually import eventually
from amazonlite.order.app import create
from amazonlite.order.settings import Settings
from support.black_hole import black_hole
from support.orders import order_bench

NO_BROKER = KafkaSettings(bootstrap="127.0.0.1:9")


@asynccontextmanager
async def payment_service() -> AsyncIterator[str]:
    """Payment, which seals whatever it is asked about, and auth, which gives anybody a token."""

    async def token(_: web.Request) -> web.Response:
        return web.json_response({"accessToken": "token", "expiresIn": 900})

    async def seal(request: web.Request) -> web.Response:
        return web.json_response({"closed": (await request.json())["orderIds"], "authorized": []})

    app = web.Application()
    app.router.add_post("/api/auth/service-tokens", token)
    app.router.add_post("/internal/payments/seal", seal)
    async with TestServer(app) as started:
        yield str(started.make_url("/"))


@pytest.mark.parametrize("outage", ["hangs up", "is silent"])
async def test_sweeps_wait_out_an_outage_of_the_database_and_go_on(
    mysql_for: Callable[[str], MysqlSettings], engine_for: Callable[[MysqlSettings], AsyncEngine], outage: str
) -> None:
    """A loop that ends is started again ever later, and the pod takes no requests until then."""
    own = mysql_for("order")
    bench = order_bench(unit_of_work_factory(engine_for(own)))  # reaches the database all the time
    order_id = await bench.reserved()
    async with black_hole(own.host, own.port) as between, payment_service() as url:
        settings = Settings(
            mysql=own.model_copy(update={"host": "127.0.0.1", "port": between.port}),
            kafka=NO_BROKER,
            auth=AuthClientSettings(url=url),
            payment_url=url,
            order_sweep_seconds=0.05,
        )
        async with asgi_client(create(settings)) as client:

            async def ready() -> bool:
                return (await client.get("/readyz")).status == 200

            async def timed_out() -> bool:
                return await bench.state(order_id) == "TIMED_OUT"

            await eventually(ready)
            before = _restarts()
            between.refuse() if outage == "hangs up" else between.swallow()
            await bench.make_overdue(order_id)
            await asyncio.sleep(2)  # many turns of a sweep
            assert (_restarts(), await bench.state(order_id)) == (before, "RESERVED")

            between.let_new_ones_pass()
            await eventually(ready, within=5)
            await eventually(timed_out, within=35)  # a statement that was swallowed is given up after 30 s
            assert _restarts() == before


def _restarts() -> float:
    loops = (metric.samples for metric in TASK_RESTARTS.collect())
    return sum(sample.value for samples in loops for sample in samples if sample.name.endswith("_total"))


@pytest.mark.parametrize(("database", "status"), [("there", 200), ("away", 503)])
async def test_the_service_is_ready_without_its_broker_but_not_without_its_database(
    mysql_for: Callable[[str], MysqlSettings], database: str, status: int
) -> None:
    mysql = mysql_for("order")
    if database == "away":
        mysql = mysql.model_copy(update={"port": 9})
    async with asgi_client(create(Settings(mysql=mysql, kafka=NO_BROKER))) as client:

        async def answered() -> bool:
            return (await client.get("/readyz")).status == status

        await eventually(answered)
        assert (await client.get("/openapi.json")).status == 200
