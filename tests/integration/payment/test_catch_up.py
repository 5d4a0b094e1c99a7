"""Money is taken, or given back, though the order's event never came."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.errors import Unavailable
from amazonlite.common.core.settings import AuthClientSettings, KafkaSettings, MysqlSettings
from amazonlite.common.data.unit_of_work import unit_of_work_factory
from amazonlite.common.testing.asgi import asgi_client
from amazonlite.common.testing.eventually import eventually
from amazonlite.payment.app import create
from amazonlite.payment.catch_up import BEGINNING, catch_up
from amazonlite.payment.domain import Method, Payment, Wanted
from amazonlite.payment.ports import Outcome
from amazonlite.payment.settings import Settings
from support.payments import PaymentBench, payment_bench

LONG_AGO = "UPDATE payment_intent SET changed_at = changed_at - INTERVAL 1 HOUR"


@asynccontextmanager
async def order_service(state: str) -> AsyncIterator[str]:
    """Order (every order in one state) and auth, which gives anybody a token."""

    async def token(_: web.Request) -> web.Response:
        return web.json_response({"accessToken": "token", "expiresIn": 900})

    async def outcomes(request: web.Request) -> web.Response:
        asked = (await request.json())["orderIds"]
        return web.json_response({"orders": [{"orderId": one, "state": state, "reason": ""} for one in asked]})

    app = web.Application()
    app.router.add_post("/api/auth/service-tokens", token)
    app.router.add_post("/internal/orders/outcomes", outcomes)
    started = TestServer(app)
    async with started:
        yield str(started.make_url("/"))


async def test_a_confirmed_orders_money_is_taken_though_its_event_was_lost(
    mysql_for: Callable[[str], MysqlSettings], engine_for: Callable[[MysqlSettings], AsyncEngine]
) -> None:
    mysql = mysql_for("payment")
    bench = payment_bench(unit_of_work_factory(engine_for(mysql)))
    payment = await bench.confirmed()
    await bench.write(LONG_AGO)
    async with order_service("CONFIRMED") as url:
        settings = Settings(
            mysql=mysql,
            kafka=KafkaSettings(bootstrap="127.0.0.1:9"),
            auth=AuthClientSettings(url=url),
            order_url=url,
            payment_webhook_secret="0123456789abcdef",
        )
        async with asgi_client(create(settings)):

            async def captured() -> bool:
                return await bench.state(payment.payment_id) == "CAPTURED"

            await eventually(captured, within=10)


async def unheard(bench: PaymentBench) -> Payment:
    payment = await bench.confirmed()
    await bench.write(LONG_AGO)
    return payment


@pytest.mark.parametrize(
    ("state", "reason", "wanted"),
    [
        ("AUTHORIZED", "", None),
        ("CONFIRMED", "", Wanted.CAPTURE),
        ("COMPLETED", "", Wanted.CAPTURE),
        ("CANCELLED", "customer_cancelled", Wanted.VOID),
        ("TIMED_OUT", "hold_expired", Wanted.VOID),
        ("", "", None),  # order knows nothing of it
    ],
)
async def test_what_became_of_the_order_decides_about_the_money(
    bench: PaymentBench, state: str, reason: str, wanted: Wanted | None
) -> None:
    payment = await unheard(bench)
    bench.orders.outcome = {payment.order_id: Outcome(state, reason)} if state else {}
    await catch_up(bench.deps, BEGINNING)
    decided = await bench.payment(payment.payment_id)
    assert decided.wanted is wanted
    assert decided.reason == (reason if wanted is Wanted.VOID else "")


async def test_only_authorised_payments_that_wait_for_long_are_asked_about(bench: PaymentBench) -> None:
    waiting = await bench.confirmed()
    decided = await bench.confirmed()
    processing = await bench.confirmed(Method.TIMEOUT)
    await bench.order_confirmed(decided)
    await bench.write(LONG_AGO)
    fresh = await bench.confirmed()
    await catch_up(bench.deps, BEGINNING)
    assert bench.orders.asked == [[waiting.order_id]]
    assert {decided.order_id, processing.order_id, fresh.order_id}.isdisjoint(bench.orders.asked[0])


async def test_orders_without_an_answer_keep_nobody_elses_waiting(bench: PaymentBench) -> None:
    """Batches go through all that wait, and begin anew behind the last."""
    orders = [(await bench.confirmed()).order_id for _ in range(5)]
    await bench.write(LONG_AGO)
    place = BEGINNING
    for _ in range(4):
        place = await catch_up(bench.deps, place, batch=2)
    *first, again = bench.orders.asked
    assert [len(batch) for batch in first] == [2, 2, 1]
    assert sorted(one for batch in first for one in batch) == sorted(orders)
    assert again == first[0]


async def test_an_outage_of_order_only_delays(bench: PaymentBench) -> None:
    payment = await unheard(bench)
    bench.orders.away = True
    with pytest.raises(Unavailable):
        await catch_up(bench.deps, BEGINNING)
    assert (await bench.payment(payment.payment_id)).wanted is None

    bench.orders.away = False
    bench.orders.outcome = {payment.order_id: Outcome("CONFIRMED")}
    await catch_up(bench.deps, BEGINNING)
    await bench.settle()
    assert await bench.state(payment.payment_id) == "CAPTURED"


async def test_the_event_that_comes_after_all_changes_nothing(bench: PaymentBench) -> None:
    payment = await unheard(bench)
    bench.orders.outcome = {payment.order_id: Outcome("CONFIRMED")}
    await catch_up(bench.deps, BEGINNING)
    await bench.settle()
    await bench.order_confirmed(payment)
    await bench.settle()
    assert bench.provider.calls.count("capture") == 1
    assert (await bench.kinds(payment)).count("payment.captured.v1") == 1
