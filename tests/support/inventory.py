"""Inventory pods without their HTTP shell: use cases on a real database and a Redis of the test's own."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.errors import Unavailable
from amazonlite.common.core.event import Event
from amazonlite.common.core.ids import new_id
from amazonlite.common.core.money import Money
from amazonlite.common.core.operator_step import OperatorStep
from amazonlite.common.core.settings import MysqlSettings
from amazonlite.common.core.tasks import stop
from amazonlite.common.data.engine import create_engine
from amazonlite.common.data.unit_of_work import in_transaction, unit_of_work_factory
from amazonlite.common.events.registry import Registry
from amazonlite.common.testing.eventually import eventually
from amazonlite.inventory import read
from amazonlite.inventory.consumers import GROUP, handlers
from amazonlite.inventory.dependencies import Dependencies
from amazonlite.inventory.flash_sale.admission import Admitter
from amazonlite.inventory.flash_sale.allocate import allocate
from amazonlite.inventory.flash_sale.batcher import ClaimBatcher
from amazonlite.inventory.flash_sale.change_state import change_state
from amazonlite.inventory.flash_sale.claim import claim_units
from amazonlite.inventory.flash_sale.commit_claims import commit_claims
from amazonlite.inventory.flash_sale.decide import Claim, Held
from amazonlite.inventory.flash_sale.dependencies import QueueDependencies, SaleDependencies
from amazonlite.inventory.flash_sale.domain import Admission, SaleAudit, SaleState, Terms
from amazonlite.inventory.flash_sale.queue import join, look
from amazonlite.inventory.flash_sale.queue_store import QueueStore, Standing, connect
from amazonlite.inventory.flash_sale.read import audit_sale
from amazonlite.inventory.flash_sale.serve_claims import ClaimServer
from amazonlite.inventory.flash_sale.ticket import Ticket, TicketOffice
from amazonlite.inventory.ports import Sealed
from amazonlite.inventory.stock.adjust import set_on_hand
from amazonlite.inventory.stock.domain import Stock
from support.delivery import deliver, deliver_group, event, outbox

T = TypeVar("T")

TICKET_KEY = b"k" * 32
PRICE = Money(999, "USD")
PLAIN_DATA: dict[str, dict[str, Any]] = {
    "order.created.v1": {
        "customerId": "usr_a",
        "lines": [{"sku": "B01", "quantity": 1, "unitPrice": PRICE.as_dict()}],
        "total": PRICE.as_dict(),
        "payBefore": "2100-01-01T00:00:00Z",
    },
    "payment.authorized.v1": {"paymentId": "pay_1", "amount": PRICE.as_dict()},
    "order.cancelled.v1": {"customerId": "usr_a", "reason": "customer"},
    "order.timed-out.v1": {"customerId": "usr_a", "reason": "not_paid"},
}
WIDE = Admission(max_active=10_000, rate_per_second=100_000)


def terms(sku: str, quantity: int, **overrides: Any) -> Terms:
    """A sale that is on now, for an hour."""
    now = datetime.now(UTC)
    plain = Terms(
        name="Sale",
        sku=sku,
        quantity=quantity,
        unit_price=PRICE,
        starts_at=now - timedelta(minutes=1),
        ends_at=now + timedelta(hours=1),
        per_customer_limit=1,
        hold_ttl=timedelta(minutes=5),
    )
    return replace(plain, **overrides)


@dataclass
class FakePayments:
    """Says which orders are paid; all others are closed for good when they are sealed."""

    paid: dict[str, str] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    away: bool = False

    async def seal(self, order_ids: Sequence[str]) -> Sealed:
        if self.away:
            raise Unavailable("payment does not answer")
        authorized = {order_id: self.paid[order_id] for order_id in order_ids if order_id in self.paid}
        self.closed |= set(order_ids) - authorized.keys()
        return Sealed(set(order_ids) - authorized.keys(), authorized)


@dataclass
class Pod:
    """One replica: a pool, a queue client and batchers of its own. At the counter nobody is asked whose turn it is."""

    engine: AsyncEngine
    sale_deps: SaleDependencies
    counter: ClaimBatcher
    admitter: Admitter
    payments: FakePayments
    _steps: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def deps(self) -> Dependencies:
        return self.sale_deps.inventory

    async def stocked(self, sku: str, on_hand: int) -> None:
        await in_transaction(self.deps.transactions, lambda uow: set_on_hand(self.deps, uow, {sku: on_hand}))

    async def stock(self, sku: str) -> Stock:
        return await read.get_stock(self.deps, sku)

    async def on_sale(self, of: Terms, admission: Admission = WIDE, *, live: bool = True) -> str:
        """The id of a sale with these terms, its units stocked and allocated."""
        sale_id = new_id("fs")
        await self.stocked(of.sku, of.quantity)
        await allocate(self.sale_deps, sale_id, of, admission, self.step())
        if live:
            await self.moved(sale_id, SaleState.LIVE)
        return sale_id

    async def moved(self, sale_id: str, state: SaleState) -> None:
        await change_state(self.sale_deps, sale_id, state, self.step())

    async def books(self, sale_id: str) -> SaleAudit:
        return await audit_sale(self.deps, sale_id)

    def step(self, fence: int = 1) -> OperatorStep:
        return OperatorStep(f"test:{next(self._steps)}", fence)

    async def joined(self, sale_id: str, customer: str) -> Ticket:
        return self.sale_deps.tickets.read((await join(self.sale_deps, sale_id, customer)).ticket, sale_id, customer)

    async def admitted(self, sale_id: str, customer: str, *, within: float = 15) -> Ticket:
        """Joins and asks until it is the customer's turn."""
        ticket = await self.joined(sale_id, customer)

        async def turn() -> bool:
            return (await look(self.sale_deps, ticket)).standing is Standing.ADMITTED

        await eventually(turn, within=within)
        return ticket

    async def claim(self, ticket: Ticket, *, key: str = "key", quantity: int = 1) -> Held:
        return await claim_units(
            self.sale_deps, Claim(ticket.sale_id, ticket.customer_id, key, quantity, ticket.arrival)
        )

    async def held(self, sale_id: str, customer: str, *, quantity: int = 1) -> Held:
        """A hold got straight from the batcher, without the queue."""
        return await self.counter.claim(Claim(sale_id, customer, new_id("key"), quantity))

    async def happens(self, kind: str, order_id: str, *, times: int = 2, **data: Any) -> None:
        """The event, delivered twice."""
        message = event(kind, {**PLAIN_DATA[kind], "orderId": order_id, **data}, self.deps.clock)
        await deliver(self.deps.transactions, GROUP, handlers(self.deps), message, times=times)

    async def happen_together(self, kind: str, orders: Sequence[str]) -> None:
        """The events, delivered as one group, twice."""
        messages = [event(kind, {**PLAIN_DATA[kind], "orderId": order}, self.deps.clock) for order in orders]
        await deliver_group(self.deps.transactions, GROUP, handlers(self.deps), messages)

    async def events(self, order_id: str) -> list[Event]:
        return await outbox(self.deps.transactions, order_id)

    async def kinds(self, order_id: str) -> list[str]:
        return [message.type for message in await self.events(order_id)]

    async def make_overdue(self, *order_ids: str, seconds: int = 1) -> None:
        """Moves the reservations' end into the past of the database's clock."""
        statement = text(
            "UPDATE reservation SET expires_at = SYSDATE(6) - INTERVAL :seconds SECOND WHERE order_id = :id"
        )
        async with self.deps.transactions() as uow:
            for order_id in order_ids:
                await uow.execute(statement, {"id": order_id, "seconds": seconds})
            await uow.commit()

    async def ask(self, query: str, **parameters: Any) -> Sequence[Any]:
        async with self.deps.transactions() as uow:
            return list(await uow.execute(text(query), parameters))


def make_pod(mysql: MysqlSettings, redis_url: str, *, pool_size: int = 16, payments: FakePayments | None = None) -> Pod:
    engine = create_engine(mysql, pool_size=pool_size)
    payments = payments or FakePayments()
    deps = Dependencies(unit_of_work_factory(engine, None, Registry.load().validate), payments)
    queue = QueueStore(connect(redis_url))
    tickets = TicketOffice(TICKET_KEY)
    sale_deps = SaleDependencies(
        deps, queue, tickets, ClaimBatcher(ClaimServer(QueueDependencies(deps, queue, tickets)))
    )
    return Pod(engine, sale_deps, ClaimBatcher(partial(commit_claims, deps)), Admitter(deps, queue), payments)


@asynccontextmanager
async def pods(mysql: MysqlSettings, redis_url: str, count: int = 2) -> AsyncIterator[list[Pod]]:
    """Replicas on the same stores; nothing runs in their background."""
    payments = FakePayments()
    made = [make_pod(mysql, redis_url, payments=payments) for _ in range(count)]
    try:
        yield made
    finally:
        for pod in made:
            await pod.sale_deps.queue.close()
            await pod.engine.dispose()


async def together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results, in order; the first failure ends all the rest, so that nothing of a test outlives it."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in work]
    return [task.result() for task in tasks]


@asynccontextmanager
async def running(*work: Any) -> AsyncIterator[None]:
    """Runs the coroutines beside the block."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        await stop(tasks)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
