"""Inventory, order and payment on databases of the test's own: their real routes, and real events carried by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.ids import new_id
from amazonlite.common.core.settings import MysqlSettings
from amazonlite.common.data.unit_of_work import unit_of_work_factory
from amazonlite.common.http.app import create_app
from amazonlite.common.http.client import ServiceClient
from amazonlite.common.testing.asgi import Answer, AsgiClient, asgi_client
from amazonlite.common.testing.builders import as_service, trusting_verifier
from amazonlite.inventory.consumers import GROUP
from amazonlite.inventory.consumers import handlers as inventory_handlers
from amazonlite.inventory.flash_sale.decide import Held
from amazonlite.inventory.flash_sale.operator_api import operator
from amazonlite.inventory.payments_http import HttpPayments
from amazonlite.inventory.ports import Sealed
from amazonlite.order import api as order_api
from amazonlite.payment import api as payment_api
from amazonlite.payment.domain import Payment
from amazonlite.payment.seal import seal_orders
from amazonlite_cli.deploy.secrets import CLIENTS
from support.delivery import deliver
from support.inventory import PRICE, Pod, make_pod
from support.orders import OrderBench, order_bench
from support.own_redis import own_redis
from support.payments import PaymentBench, payment_bench

pytest.register_assert_rewrite("contract.sales_contract", "contract.sale_under_test")

OPERATOR = as_service("svc_operator", *CLIENTS["operator"])
OWNERS = {"/internal/flash-sales": "inventory", "/internal/orders": "order", "/internal/payments": "payment"}


class Seals:
    """What inventory asks payment: the real decision, or the real client's answer when nobody listens."""

    def __init__(self, payments: PaymentBench, nobody: ServiceClient) -> None:
        self.up = True
        self._payments = payments
        self._nobody = HttpPayments(nobody)

    async def seal(self, order_ids: Sequence[str]) -> Sealed:
        if not self.up:
            return await self._nobody.seal(order_ids)
        sealed = await seal_orders(self._payments.deps, order_ids)
        return Sealed(sealed.closed, sealed.authorized)


class RealServices:
    def __init__(self, pod: Pod, orders: OrderBench, payments: PaymentBench, seals: Seals) -> None:
        self.clients: dict[str, AsgiClient] = {}
        self._pod = pod
        self._orders = orders
        self._payments = payments
        self._seals = seals
        self._unpaid: dict[str, list[Held]] = {}
        self._paid: dict[str, list[Payment]] = {}

    async def call(self, method: str, path: str, json: Any = None, *, headers: dict[str, str] | None = None) -> Answer:
        client = next(self.clients[service] for prefix, service in OWNERS.items() if path.startswith(prefix))
        return await client.request(method, path, json=json, headers={**OPERATOR, **(headers or {})})

    async def put_in_stock(self, sku: str, units: int) -> None:
        await self._pod.stocked(sku, units)

    async def available(self, sku: str) -> int:
        return (await self._pod.stock(sku)).available

    async def hold(self, sale_id: str, units: int) -> None:
        holds = [await self._pod.held(sale_id, new_id("usr")) for _ in range(units)]
        self._unpaid.setdefault(sale_id, []).extend(holds)

    async def authorize(self, sale_id: str) -> None:
        for held in self._unpaid.pop(sale_id, []):
            await self._claimed(held.hold.order_id)
            self._payments.set_order(held.hold.order_id, "RESERVED", sale_id=sale_id, total=PRICE)
            payment = await self._payments.confirm(await self._payments.intent(held.hold.order_id))
            self._paid.setdefault(sale_id, []).append(payment)

    async def buy(self, sale_id: str) -> None:
        await self.authorize(sale_id)
        for payment in self._paid.pop(sale_id):
            await self._sell(payment)

    def set_payments(self, *, up: bool) -> None:
        self._seals.up = up

    async def _claimed(self, order_id: str) -> None:
        await self._orders.delivered((await self._pod.events(order_id))[0])

    async def _sell(self, payment: Payment) -> None:
        """Each service's last event about the order goes to the next."""
        authorized = (await self._payments.events(payment))[-1]
        await deliver(self._pod.deps.transactions, GROUP, inventory_handlers(self._pod.deps), authorized)
        await self._orders.delivered((await self._pod.events(payment.order_id))[-1])
        await self._payments.delivered((await self._orders.events(payment.order_id))[-1])
        await self._payments.settle()


@pytest.fixture
def redis_server_url() -> Iterator[str]:
    with own_redis() as server:
        yield server.url


@pytest.fixture
async def shop(
    mysql_for: Callable[[str], MysqlSettings],
    engine_for: Callable[[MysqlSettings], AsyncEngine],
    redis_server_url: str,
) -> AsyncIterator[RealServices]:
    orders, payments = (
        bench(unit_of_work_factory(engine_for(mysql_for(service))))
        for bench, service in ((order_bench, "order"), (payment_bench, "payment"))
    )
    async with AsyncExitStack() as stack:
        nobody = ServiceClient("http://127.0.0.1:1", name="payment")
        stack.push_async_callback(nobody.close)
        seals = Seals(payments, nobody)
        pod = make_pod(mysql_for("inventory"), redis_server_url, payments=seals)
        stack.push_async_callback(pod.engine.dispose)
        stack.push_async_callback(pod.sale_deps.queue.close)
        services = RealServices(pod, orders, payments, seals)
        routes = {"inventory": operator, "order": order_api.internal, "payment": payment_api.internal}
        all_deps = {"inventory": pod.deps, "order": orders.deps, "payment": payments.deps}
        for name, router in routes.items():
            app = create_app(name, routers=[router])
            app.state.deps = app.state.internal_deps = all_deps[name]
            app.state.verifier = trusting_verifier()
            app.state.sale_deps = pod.sale_deps
            services.clients[name] = await stack.enter_async_context(asgi_client(app))
        yield services
