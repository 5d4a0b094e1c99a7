"""Each service keeps to its own OpenAPI document, whatever it is sent."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.settings import KafkaSettings, MongoSettings, MysqlSettings
from amazonlite.common.data.unit_of_work import unit_of_work_factory
from amazonlite.common.events.producer import EventProducer
from amazonlite.common.http.app import create_app
from amazonlite.common.security.jwt import TokenVerifier
from amazonlite.common.testing.asgi import AsgiClient, asgi_client
from amazonlite.common.testing.builders import SERVICE_SCOPES, bearer
from amazonlite.common.testing.fakes import CollectingProducer, FakeJwks, mint_token
from amazonlite.inventory import api as inventory_api
from amazonlite.inventory.flash_sale import api as sale_api
from amazonlite.inventory.flash_sale import operator_api
from amazonlite.order import api as order_api
from amazonlite.payment import api as payment_api
from amazonlite.product.app import create as create_product
from amazonlite.product.settings import Settings as ProductSettings
from support.inventory import pods
from support.openapi import Answer, play, report, stopped
from support.orders import order_bench
from support.own_redis import own_redis
from support.payments import payment_bench

EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "40"))
SCOPES = ["shop", "staff:stock", "staff:catalogue", "flash-sales:operate", *SERVICE_SCOPES]
STAFF = bearer(mint_token("svc_load", SCOPES, kind="service"))
MysqlFor, EngineFor = Callable[[str], MysqlSettings], Callable[[MysqlSettings], AsyncEngine]


@asynccontextmanager
async def served(name: str, routers: list[APIRouter], **state: Any) -> AsyncIterator[tuple[AsgiClient, Any]]:
    app = create_app(name, routers=routers)
    for key, value in state.items():
        setattr(app.state, key, value)
    app.state.verifier = TokenVerifier(FakeJwks())
    async with asgi_client(app, STAFF) as client:
        yield client, app.openapi()


async def keeps_to(client: AsgiClient, document: Mapping[str, Any]) -> None:
    loop = asyncio.get_running_loop()

    async def request(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        kept = {k: v for k, v in headers.items() if k.lower() not in {"authorization", "content-length"}}
        answer = await client.request(method, url, content=body, headers=kept)
        return answer.status, answer.headers, answer.body

    def send(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        return asyncio.run_coroutine_threadsafe(request(method, url, headers, body), loop).result(30)

    played = await asyncio.to_thread(play, document, send, examples=EXAMPLES)
    print(report(played))
    assert not played.broken, report(played)
    assert not stopped(played, 401, 403, 429), report(played)
    assert any(200 <= status < 300 for statuses in played.statuses.values() for status in statuses), report(played)


async def test_order(mysql_for: MysqlFor, engine_for: EngineFor) -> None:
    bench = order_bench(unit_of_work_factory(engine_for(mysql_for("order"))))
    async with served("order", [order_api.shop, order_api.internal], deps=bench.deps) as (client, document):
        await keeps_to(client, document)


async def test_payment(mysql_for: MysqlFor, engine_for: EngineFor) -> None:
    deps = payment_bench(unit_of_work_factory(engine_for(mysql_for("payment")))).deps
    routers = [payment_api.shop, payment_api.internal]
    async with served("payment", routers, deps=deps, internal_deps=deps) as (client, document):
        await keeps_to(client, document)


async def test_inventory(mysql_for: MysqlFor) -> None:
    routers = [sale_api.shop, inventory_api.shop, operator_api.operator, inventory_api.internal, sale_api.holds]
    with own_redis() as redis:
        async with pods(mysql_for("inventory"), redis.url) as (pod, _):
            state = {"deps": pod.deps, "sale_deps": pod.sale_deps}
            async with served("inventory", routers, **state) as (client, document):
                await keeps_to(client, document)


async def test_product(mongo: MongoSettings) -> None:
    app = create_product(
        ProductSettings(mongo=mongo), producer=EventProducer(KafkaSettings(), client=lambda _: CollectingProducer())
    )
    app.state.verifier = TokenVerifier(FakeJwks())
    await app.state.catalogue.prepare()
    async with asgi_client(app, STAFF) as client:
        await keeps_to(client, app.openapi())
