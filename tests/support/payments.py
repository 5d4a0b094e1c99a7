"""A payment service without its HTTP shell: use cases and the simulated provider on a real database."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from amazonlite.common.core.errors import Unavailable
from amazonlite.common.core.event import Event
from amazonlite.common.core.ids import new_id
from amazonlite.common.core.money import Money
from amazonlite.common.core.viewer import Viewer
from amazonlite.common.data.unit_of_work import UnitOfWorkFactory
from amazonlite.common.http.once import Once
from amazonlite.common.testing.fakes import FakeClock
from amazonlite.payment import api
from amazonlite.payment.confirm import confirm_payment
from amazonlite.payment.consumers import HANDLERS
from amazonlite.payment.dependencies import PaymentDependencies
from amazonlite.payment.domain import MOST_ATTEMPTS, Method, Payment
from amazonlite.payment.follow_up import follow_up_due
from amazonlite.payment.ports import OrderFact, Outcome
from amazonlite.payment.provider import Charge, Provider
from amazonlite.payment.read import get_payment
from amazonlite.payment.schemas import CreateIntent
from amazonlite.payment.signature import sign
from amazonlite.payment.simulated.answer import LateAnswers
from amazonlite.payment.simulated.provider import SimulatedProvider
from amazonlite.payment.webhook import take_webhook
from support.delivery import deliver, deliver_group, event, outbox

ALICE = Viewer("usr_alice")
BOB = Viewer("usr_bob")
SERVICE = Viewer("svc_order", internal=True)
SECRET = b"shared with the provider"
TOTAL = Money(3998, "USD")


class Crash(Exception):
    """The process dies here: whatever would have followed never happens."""


@dataclass
class FakeOrders:
    """The orders a test says there are, and what became of them."""

    known: dict[str, OrderFact] = field(default_factory=dict)
    outcome: dict[str, Outcome] = field(default_factory=dict)
    asked: list[list[str]] = field(default_factory=list)
    away: bool = False

    async def find(self, order_id: str) -> OrderFact | None:
        return self.known.get(order_id)

    async def outcomes(self, order_ids: Sequence[str]) -> Mapping[str, Outcome]:
        if self.away:
            raise Unavailable("order does not answer")
        self.asked.append(list(order_ids))
        return self.outcome


@dataclass
class TroubledProvider:
    """Passes calls on; raises ``before`` or ``after`` them what a test put there (once each), and keeps their names."""

    inner: Provider
    before: list[Exception] = field(default_factory=list)
    after: list[Exception] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    async def authorize(self, key: str, amount: Money, method: Method) -> Charge:
        self._enter("authorize")
        return self._leave(await self.inner.authorize(key, amount, method))

    async def find(self, key: str) -> Charge | None:
        self._enter("find")
        return await self.inner.find(key)

    async def capture(self, key: str) -> Charge:
        self._enter("capture")
        return self._leave(await self.inner.capture(key))

    async def void(self, key: str) -> Charge:
        self._enter("void")
        return self._leave(await self.inner.void(key))

    def _enter(self, call: str) -> None:
        self.calls.append(call)
        if self.before:
            raise self.before.pop(0)

    def _leave(self, charge: Charge) -> Charge:
        if self.after:
            raise self.after.pop(0)
        return charge


@dataclass
class PaymentBench:
    """Shorthands for what happens to a payment, each event delivered twice."""

    deps: PaymentDependencies
    clock: FakeClock
    orders: FakeOrders
    provider: TroubledProvider

    def order(self, state: str = "RESERVED", *, sale_id: str | None = None, total: Money = TOTAL) -> str:
        order_id = new_id("ord")
        self.set_order(order_id, state, sale_id=sale_id, total=total)
        return order_id

    def set_order(self, order_id: str, state: str, *, sale_id: str | None = None, total: Money = TOTAL) -> None:
        pay_before = self.clock.now() + timedelta(minutes=15)
        self.orders.known[order_id] = OrderFact(order_id, ALICE.subject, state, total, pay_before, sale_id)

    async def intent(self, order_id: str, *, viewer: Viewer = ALICE, key: str = "") -> str:
        return str((await self.answer(order_id, viewer=viewer, key=key))[2]["paymentId"])

    async def answer(self, order_id: str, *, viewer: Viewer = ALICE, key: str = "") -> tuple[int, bool, dict[str, Any]]:
        """Status, whether it was answered before, and the body."""
        once = Once("POST", "/api/payments/intents", key or new_id("key"))
        answer = await api.create(self.deps, viewer, CreateIntent(order_id=order_id), once)
        return answer.status_code, "Idempotency-Replayed" in answer.headers, json.loads(bytes(answer.body))

    async def confirm(self, payment_id: str, method: Method = Method.OK, key: str = "confirm") -> Payment:
        return await confirm_payment(self.deps, ALICE, payment_id, method, key=key)

    async def confirmed(self, method: Method = Method.OK) -> Payment:
        """A payment of a new order, confirmed with the method."""
        return await self.confirm(await self.intent(self.order()), method)

    async def failed(self) -> Payment:
        """A payment of a new order, whose every attempt was declined."""
        payment_id = await self.intent(self.order())
        return [await self.confirm(payment_id, Method.DECLINED, f"k{n}") for n in range(MOST_ATTEMPTS)][-1]

    async def crashed_confirm(self, method: Method = Method.OK) -> Payment:
        """A payment whose confirmation ended in the Crash that the test put into the provider."""
        payment_id = await self.intent(self.order())
        try:
            await self.confirm(payment_id, method)
        except Crash:
            return await self.payment(payment_id)
        raise AssertionError("the provider was to crash")

    async def happens(self, kind: str, order_id: str, **data: Any) -> None:
        await self.delivered(self.message(kind, order_id, **data))

    def message(self, kind: str, order_id: str, **data: Any) -> Event:
        return event(kind, {"orderId": order_id, "customerId": ALICE.subject, **data}, self.clock)

    async def delivered(self, message: Event) -> None:
        await deliver(self.deps.transactions, "payment", HANDLERS, message)

    async def happen_together(self, kind: str, orders: Sequence[str], **data: Any) -> None:
        messages = [self.message(kind, order_id, **data) for order_id in orders]
        await deliver_group(self.deps.transactions, "payment", HANDLERS, messages)

    async def order_confirmed(self, payment: Payment) -> None:
        total = payment.amount.as_dict()
        await self.happens("order.confirmed.v1", payment.order_id, paymentId=payment.payment_id, total=total)

    async def order_cancelled(self, order_id: str, reason: str = "customer_cancelled") -> None:
        await self.happens("order.cancelled.v1", order_id, reason=reason)

    async def settle(self) -> None:
        """Looks after payments until none is due."""
        while await follow_up_due(self.deps):
            pass

    async def after_a_while(self) -> None:
        """All leases and pauses of the database's clock have passed; then payments are looked after."""
        await self.write("UPDATE payment_intent SET due_at = UTC_TIMESTAMP(6) WHERE due_at IS NOT NULL")
        await self.settle()

    async def webhook(self, payload: bytes) -> bool:
        await take_webhook(self.deps, payload, sign(SECRET, payload, self.clock.now()))
        return True

    async def late_answers(self) -> int:
        """The provider decides what it put off, and tells it twice."""

        async def tell(payload: bytes) -> bool:
            return await self.webhook(payload) and await self.webhook(payload)

        await self.write("UPDATE provider_charge SET due_at = UTC_TIMESTAMP(6) WHERE due_at IS NOT NULL")
        return await LateAnswers(self.deps.transactions, tell).answer_due()

    async def payment(self, payment_id: str) -> Payment:
        return await get_payment(self.deps, SERVICE, payment_id)

    async def state(self, payment_id: str) -> str:
        return str((await self.payment(payment_id)).state)

    async def charge(self, payment_id: str) -> str:
        """The charge's state at the provider, empty when there is none."""
        charge = await self.provider.inner.find(payment_id)
        return "" if charge is None else str(charge.state)

    async def events(self, payment: Payment) -> list[Event]:
        return await outbox(self.deps.transactions, payment.order_id)

    async def kinds(self, payment: Payment) -> list[str]:
        return [message.type for message in await self.events(payment)]

    async def write(self, statement: str) -> None:
        async with self.deps.transactions() as uow:
            await uow.execute(text(statement))
            await uow.commit()

    async def count(self, table: str) -> int:
        async with self.deps.transactions() as uow:
            return int((await uow.execute(text(f"SELECT COUNT(*) FROM {table}"))).scalar_one())  # noqa: S608


def told(event_id: str, key: str, state: str) -> bytes:
    """What a provider posts about one charge."""
    return json.dumps({"id": event_id, "key": key, "state": state, "livemode": False}).encode()


def payment_bench(factory: UnitOfWorkFactory) -> PaymentBench:
    clock, orders = FakeClock(datetime.now(UTC)), FakeOrders()
    provider = TroubledProvider(SimulatedProvider(factory, latency=0))
    deps = PaymentDependencies(factory, orders, provider, SECRET, clock=clock)
    return PaymentBench(deps, clock, orders, provider)
