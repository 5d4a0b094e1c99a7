"""Orders and payments through a real Kafka, each service with its own database, relay and consumer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.event import Event, new_event
from amazonlite.common.core.ids import new_id
from amazonlite.common.core.settings import KafkaSettings, MysqlSettings
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory
from amazonlite.common.events.consumer import Consumer
from amazonlite.common.events.handlers import AnyHandler
from amazonlite.common.events.producer import EventProducer
from amazonlite.common.events.relay import Relay
from amazonlite.common.events.topics import TOPICS
from amazonlite.common.testing.eventually import eventually
from amazonlite.common.testing.fakes import FakeClock
from amazonlite.common.testing.stores import kafka_topics, suffix
from amazonlite.order.cancel import cancel_order
from amazonlite.order.consumers import handlers as order_handlers
from amazonlite.order.read import get_outcomes
from amazonlite.payment.consumers import HANDLERS as PAYMENT_HANDLERS
from amazonlite.payment.domain import MOST_ATTEMPTS, Method
from amazonlite.payment.ports import OrderFact, Outcome
from support.orders import ALICE, SERVICE, OrderBench, order_bench
from support.payments import PaymentBench, payment_bench
from support.private_topics import PrivateTopics

SECONDS = 30.0


@dataclass
class OrdersOf:
    """The payment service's view of the orders on the bench."""

    bench: OrderBench

    async def find(self, order_id: str) -> OrderFact | None:
        order = await self.bench.order(order_id)
        return OrderFact(order_id, order.customer_id, order.state, order.total, order.pay_before, order.sale_id)

    async def outcomes(self, order_ids: Sequence[str]) -> Mapping[str, Outcome]:
        found = await get_outcomes(self.bench.deps, order_ids)
        return {one.order_id: Outcome(one.state, one.reason) for one in found}


@dataclass
class StandInInventory:
    """Reserves and confirms whatever is asked."""

    clock: FakeClock

    def handlers(self) -> Mapping[str, AnyHandler]:
        return {"order.created.v1": self.reserve, "payment.authorized.v1": self.confirm}

    async def reserve(self, uow: UnitOfWork, event: Event) -> None:
        expires = {"expiresAt": event.data["payBefore"]}
        await uow.add_event(self._answer("inventory.reserved.v1", event, reservationId="res_1", **expires))

    async def confirm(self, uow: UnitOfWork, event: Event) -> None:
        await uow.add_event(
            self._answer("inventory.confirmed.v1", event, reservationId="res_1", paymentId=event.data["paymentId"])
        )

    def _answer(self, kind: str, event: Event, **data: Any) -> Event:
        answer = {"orderId": event.subject, **data}
        return new_event(kind, event.subject, answer, source="/inventory", clock=self.clock, ids=new_id)


@pytest.fixture
def topics() -> Iterator[PrivateTopics]:
    kinds = [topic.name for topic in TOPICS]
    with kafka_topics(*kinds) as names:
        yield PrivateTopics(dict(zip(kinds, names, strict=True)))


@dataclass
class Wiring:
    """Connects a service's database to Kafka under a group of its own."""

    kafka: KafkaSettings
    topics: PrivateTopics
    run: str

    @asynccontextmanager
    async def service(
        self, name: str, engine: AsyncEngine, handlers_of: Callable[[UnitOfWorkFactory], Mapping[str, AnyHandler]]
    ) -> AsyncIterator[None]:
        producer = EventProducer(self.kafka)
        relay = Relay(engine, producer)
        factory = self.topics.sending(engine, relay.wake)
        handlers = self.topics.receiving(handlers_of(factory))
        consumer = Consumer(self.kafka, f"{name}-{self.run}", handlers, factory, producer)
        tasks = [asyncio.create_task(relay.run()), asyncio.create_task(consumer.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await producer.close()


@dataclass
class Shop:
    orders: OrderBench
    payments: PaymentBench

    async def reaches(self, order_id: str, state: str) -> None:
        async def reached() -> bool:
            return await self.orders.state(order_id) == state

        await eventually(reached, within=SECONDS)

    async def settles(self, payment_id: str, state: str) -> None:
        async def settled() -> bool:
            await self.payments.settle()
            return await self.payments.state(payment_id) == state

        await eventually(settled, within=SECONDS)


@pytest.fixture
async def shop(
    mysql_for: Callable[[str], MysqlSettings],
    common_mysql: MysqlSettings,
    engine_for: Callable[[MysqlSettings], AsyncEngine],
    kafka: KafkaSettings,
    topics: PrivateTopics,
) -> AsyncIterator[Shop]:
    benches: dict[str, Any] = {}

    def orders(factory: UnitOfWorkFactory) -> Mapping[str, AnyHandler]:
        benches["order"] = order_bench(factory)
        return order_handlers(benches["order"].deps)

    def payments(factory: UnitOfWorkFactory) -> Mapping[str, AnyHandler]:
        bench = payment_bench(factory)
        bench.deps = replace(bench.deps, orders=OrdersOf(benches["order"]))
        benches["payment"] = bench
        return PAYMENT_HANDLERS

    wiring = Wiring(kafka, topics, suffix())
    async with (
        wiring.service("order", engine_for(mysql_for("order")), orders),
        wiring.service("payment", engine_for(mysql_for("payment")), payments),
        wiring.service("inventory", engine_for(common_mysql), lambda _: StandInInventory(FakeClock()).handlers()),
    ):
        yield Shop(benches["order"], benches["payment"])


async def test_orders_end_as_their_payments_do(shop: Shop) -> None:
    paid, declined, retried, late, cancelled = [await shop.orders.create() for _ in range(5)]
    payment: dict[str, str] = {}
    for order_id in (paid, declined, retried, late, cancelled):
        await shop.reaches(order_id, "RESERVED")
        payment[order_id] = await shop.payments.intent(order_id)

    await shop.payments.confirm(payment[paid], Method.OK)
    for attempt in range(MOST_ATTEMPTS):
        await shop.payments.confirm(payment[declined], Method.DECLINED, key=f"k{attempt}")
    await shop.payments.confirm(payment[retried], Method.DECLINED)
    await shop.payments.confirm(payment[retried], Method.OK, key="another")
    await shop.payments.confirm(payment[late], Method.ASYNC_OK)
    await shop.payments.late_answers()
    await cancel_order(shop.orders.deps, ALICE, cancelled)

    await shop.settles(payment[paid], "CAPTURED")
    await shop.settles(payment[declined], "FAILED")
    await shop.settles(payment[retried], "CAPTURED")
    await shop.settles(payment[late], "CAPTURED")
    await shop.settles(payment[cancelled], "CANCELLED")
    for order_id, state in (
        (paid, "COMPLETED"),
        (declined, "CANCELLED"),
        (retried, "COMPLETED"),
        (late, "COMPLETED"),
        (cancelled, "CANCELLED"),
    ):
        await shop.reaches(order_id, state)
    states = [state for state, applied, _cause in await shop.orders.story(paid) if applied and state != "AUTHORIZED"]
    # Whether the order hears of the payment or of the sold goods first, is the broker's affair.
    assert states == ["PENDING", "RESERVED", "CONFIRMED", "COMPLETED"]


async def test_money_held_by_a_payment_that_lost_to_a_cancellation_goes_back(shop: Shop) -> None:
    """The customer pays and cancels at once; the provider has the money before the news arrives."""
    order_id = await shop.orders.create()
    await shop.reaches(order_id, "RESERVED")
    payment_id = await shop.payments.intent(order_id)
    await cancel_order(shop.orders.deps, SERVICE, order_id)
    await shop.payments.confirm(payment_id, Method.ASYNC_OK)

    async def nothing_held() -> bool:
        await shop.payments.settle()
        return await shop.payments.state(payment_id) in {"CANCELLED", "VOIDED"}

    await eventually(nothing_held, within=SECONDS)
    assert await shop.payments.charge(payment_id) in {"", "VOIDED"}
    assert await shop.orders.state(order_id) == "CANCELLED"
