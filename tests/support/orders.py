"""An order service without its HTTP shell: use cases on a real database, other services faked, time in hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from amazonlite.common.core.clock import iso
from amazonlite.common.core.errors import Unavailable
from amazonlite.common.core.event import Event
from amazonlite.common.core.ids import new_id
from amazonlite.common.core.money import Money
from amazonlite.common.core.viewer import Viewer
from amazonlite.common.data.unit_of_work import UnitOfWorkFactory
from amazonlite.common.http.once import Once
from amazonlite.common.testing.fakes import FakeClock
from amazonlite.order import api
from amazonlite.order.consumers import handlers
from amazonlite.order.create import Wish
from amazonlite.order.dependencies import OrderDependencies
from amazonlite.order.domain import Order
from amazonlite.order.ports import ClaimFact, PaymentFact, Sealed
from amazonlite.order.read import get_order, get_timeline
from amazonlite.order.schemas import CreateOrder, WantedLine
from support.delivery import deliver, deliver_group, event, outbox

ALICE = Viewer("usr_alice")
BOB = Viewer("usr_bob")
SERVICE = Viewer("svc_payment", internal=True)


@dataclass
class FakeProducts:
    """Prices that a test may change; ``asked`` keeps every question."""

    known: dict[str, Money] = field(default_factory=lambda: {"B01": Money(1999, "USD"), "B02": Money(1, "USD")})
    asked: list[list[str]] = field(default_factory=list)

    async def prices(self, skus: Sequence[str]) -> dict[str, Money]:
        self.asked.append(list(skus))
        return {sku: self.known[sku] for sku in skus if sku in self.known}


@dataclass
class FakePayments:
    """The payments a test says there are. An order without a held one is closed for good when it is sealed."""

    known: dict[str, PaymentFact] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    away: bool = False

    async def find(self, payment_id: str) -> PaymentFact | None:
        return self.known.get(payment_id)

    async def seal(self, order_ids: Sequence[str]) -> Sealed:
        if self.away:
            raise Unavailable("payment does not answer")
        paid = {fact.order_id: fact.payment_id for fact in self.known.values() if fact.held}
        authorized = {order_id: paid[order_id] for order_id in order_ids if order_id in paid}
        self.closed |= set(order_ids) - authorized.keys()
        return Sealed(set(order_ids) - authorized.keys(), authorized)


@dataclass
class FakeGoods:
    """The claims that inventory holds units for, and the orders whose goods are sold, as a test says."""

    away: bool = False
    known: dict[str, ClaimFact] = field(default_factory=dict)
    sold: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    async def claim_of(self, order_id: str) -> ClaimFact | None:
        self.asked.append(order_id)
        if self.away:
            raise Unavailable("The test took inventory away.")
        return self.known.get(order_id)

    async def are_sold(self, order_id: str) -> bool:
        return order_id in self.sold


@dataclass
class OrderBench:
    """Shorthands for what happens to an order, each event delivered twice."""

    deps: OrderDependencies
    clock: FakeClock
    products: FakeProducts
    payments: FakePayments
    goods: FakeGoods

    async def create(self, viewer: Viewer = ALICE, key: str = "", wishes: Sequence[Wish] = (Wish("B01", 2),)) -> str:
        return str((await self.answer(viewer, key, wishes))[1]["orderId"])

    async def answer(
        self, viewer: Viewer = ALICE, key: str = "", wishes: Sequence[Wish] = (Wish("B01", 2),)
    ) -> tuple[bool, dict[str, Any]]:
        """Whether it was made before, and the body."""
        body = CreateOrder(lines=[WantedLine(sku=wish.sku, quantity=wish.quantity) for wish in wishes])
        answer = await api.create(self.deps, viewer, body, Once("POST", "/api/orders", key or new_id("key")))
        return "Idempotency-Replayed" in answer.headers, json.loads(bytes(answer.body))

    async def reserved(self) -> str:
        order_id = await self.create()
        await self.happens("inventory.reserved.v1", order_id, **self.reservation())
        return order_id

    async def claimed(self, *, sale_id: str = "fs_1", quantity: int = 1, pay_in: float = 300) -> Event:
        """The claim's event, not yet delivered."""
        order_id = new_id("ord")
        data = {
            "saleId": sale_id,
            "holdId": "hld_1",
            "orderId": order_id,
            "customerId": ALICE.subject,
            "sku": "B01",
            "quantity": quantity,
            "unitPrice": {"amount": 999, "currency": "USD"},
            "payBefore": iso(self.clock.now() + timedelta(seconds=pay_in)),
        }
        return event("flash-sale.claimed.v1", data, self.clock)

    def reservation(self, seconds: float = 900) -> dict[str, Any]:
        return {"reservationId": "res_1", "expiresAt": iso(self.clock.now() + timedelta(seconds=seconds))}

    def message(self, kind: str, order_id: str, **data: Any) -> Event:
        return event(kind, {"orderId": order_id, **data}, self.clock)

    async def happens(self, kind: str, order_id: str, **data: Any) -> None:
        await self.delivered(self.message(kind, order_id, **data))

    async def delivered(self, message: Event, *, times: int = 2) -> None:
        await deliver(self.deps.transactions, "order", handlers(self.deps), message, times=times)

    async def together(self, messages: Sequence[Event]) -> None:
        await deliver_group(self.deps.transactions, "order", handlers(self.deps), messages)

    async def order(self, order_id: str) -> Order:
        return await get_order(self.deps, SERVICE, order_id)

    async def state(self, order_id: str) -> str:
        return str((await self.order(order_id)).state)

    async def events(self, order_id: str) -> list[Event]:
        return await outbox(self.deps.transactions, order_id)

    async def kinds(self, order_id: str) -> list[str]:
        return [message.type for message in await self.events(order_id)]

    async def story(self, order_id: str) -> list[tuple[str | None, bool, str]]:
        """(state, applied, cause) of each timeline entry."""
        entries = await get_timeline(self.deps, SERVICE, order_id)
        return [(entry.state, entry.applied, entry.cause.name) for entry in entries]

    async def make_overdue(self, *order_ids: str) -> None:
        """Moves the deadline into the past of the database's clock."""
        async with self.deps.transactions() as uow:
            for order_id in order_ids:
                statement = text(
                    "UPDATE orders SET pay_before = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE order_id = :id"
                )
                await uow.execute(statement, {"id": order_id})
            await uow.commit()


def order_bench(factory: UnitOfWorkFactory, **settings: Any) -> OrderBench:
    clock, products, payments, goods = FakeClock(datetime.now(UTC)), FakeProducts(), FakePayments(), FakeGoods()
    deps = OrderDependencies(factory, products, payments, goods, clock=clock, **settings)
    return OrderBench(deps, clock, products, payments, goods)


def held(payment_id: str, order_id: str) -> Mapping[str, PaymentFact]:
    return {payment_id: PaymentFact(payment_id, order_id, held=True)}
