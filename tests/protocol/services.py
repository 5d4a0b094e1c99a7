"""Payment, inventory and order on scratch databases of their own, joined by a network that fails as planned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from amazonlite.common.core.clock import SystemClock
from amazonlite.common.core.errors import Unavailable
from amazonlite.common.core.event import Event
from amazonlite.common.core.money import Money
from amazonlite.common.core.settings import MysqlSettings
from amazonlite.common.data.engine import create_engine
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory
from amazonlite.common.events.envelope import decode
from amazonlite.common.events.registry import Registry
from amazonlite.inventory import read
from amazonlite.inventory.dependencies import Dependencies
from amazonlite.inventory.flash_sale.errors import QueueUnavailable
from amazonlite.inventory.flash_sale.read import get_hold
from amazonlite.inventory.flash_sale.schemas import HoldView
from amazonlite.inventory.ports import Sealed
from amazonlite.inventory.reservations.domain import ReservationNotFound, ReservationState
from amazonlite.order import domain as order_domain
from amazonlite.order.dependencies import OrderDependencies
from amazonlite.order.errors import OrderNotFound
from amazonlite.order.ports import ClaimFact, PaymentFact
from amazonlite.order.read import get_order, get_outcomes
from amazonlite.payment import domain as payment_domain
from amazonlite.payment import seal
from amazonlite.payment.dependencies import PaymentDependencies
from amazonlite.payment.domain import ChargeState, Method
from amazonlite.payment.errors import PaymentNotFound
from amazonlite.payment.ports import OrderFact, Orders, Outcome
from amazonlite.payment.provider import Charge, Provider, ProviderUnavailable
from amazonlite.payment.read import get_payment
from protocol.network import Network, plan_of_this


class MortalUnitOfWork(UnitOfWork):
    """Dies where the operation's plan says: before its commit, or right after."""

    async def commit(self) -> None:
        plan_of_this().commits()
        await super().commit()
        plan_of_this().committed()


class LateClock(SystemClock):
    """Two seconds ahead, so that a claim's event is late as soon as an order is asked for."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=2)


@dataclass
class Store:
    """One service's database. ``wrote`` says that events were committed and not read from the outbox since."""

    mysql: MysqlSettings
    engine: AsyncEngine
    wrote: bool = False
    read_up_to: int = 0

    @classmethod
    def open(cls, mysql: MysqlSettings) -> Store:
        return cls(mysql, create_engine(mysql, pool_size=4))

    @property
    def transactions(self) -> UnitOfWorkFactory:
        check = Registry.load().validate
        return lambda: MortalUnitOfWork(self.engine, self._wrote, check)

    @property
    def immortal(self) -> UnitOfWorkFactory:
        """For the provider and the machine itself, which never die."""
        return lambda: UnitOfWork(self.engine)

    async def write(self, *statements: str) -> None:
        async with self.immortal() as uow:
            for statement in statements:
                await uow.driver_sql(statement)
            await uow.commit()

    async def end_time(self, table: str, column: str, order_ids: Sequence[str]) -> None:
        """Moves the orders' time limits into the past."""
        ids = ", ".join(f"'{order_id}'" for order_id in order_ids)
        over = f"SET {column} = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE order_id IN ({ids})"
        if ids:
            await self.write(f"UPDATE {table} {over}")

    async def rows(self, query: str) -> list[Any]:
        async with self.immortal() as uow:
            return list(await uow.driver_sql(query))

    async def new_events(self) -> list[Event]:
        """Those that the outbox got since it was last read, in its order."""
        if not self.wrote:
            return []
        self.wrote = False
        found = await self.rows(f"SELECT seq, payload FROM outbox WHERE seq > {self.read_up_to} ORDER BY seq")  # noqa: S608
        self.read_up_to = found[-1].seq if found else self.read_up_to
        return [decode(bytes(row.payload)) for row in found]

    def _wrote(self) -> None:
        self.wrote = True


class AwayQueue:
    """The waiting room's Redis is away all the time: nothing here depends on it."""

    async def tick(self, *_: Any, **__: Any) -> None:
        raise QueueUnavailable


@dataclass
class PaymentsOverNetwork:
    """Payment as inventory and order ask it. ``witness`` sees each answer at the moment it is given."""

    network: Network
    deps: Callable[[], PaymentDependencies]
    witness: Callable[[Sealed], Any]

    async def seal(self, order_ids: Sequence[str]) -> Any:
        return await self.network.call(lambda: self._seal(order_ids), Unavailable("payment does not answer"))

    async def _seal(self, order_ids: Sequence[str]) -> Sealed:
        answer = await seal.seal_orders(self.deps(), order_ids)
        sealed = Sealed(answer.closed, answer.authorized)
        await self.witness(sealed)
        return sealed

    async def find(self, payment_id: str) -> PaymentFact | None:
        return await self.network.call(lambda: self._find(payment_id), Unavailable("payment does not answer"))

    async def _find(self, payment_id: str) -> PaymentFact | None:
        try:
            payment = await get_payment(self.deps(), payment_domain.Viewer("svc_order", internal=True), payment_id)
        except PaymentNotFound:
            return None
        return PaymentFact(payment.payment_id, payment.order_id, held=payment.state in {"AUTHORIZED", "CAPTURED"})


@dataclass
class ProviderOverNetwork:
    """The provider as payment asks it. ``refused`` hears of each charge that the provider held and will not capture."""

    network: Network
    provider: Provider
    refused: Callable[[str], None]

    async def authorize(self, key: str, amount: Money, method: Method) -> Charge:
        return await self.network.call(
            lambda: self.provider.authorize(key, amount, method), ProviderUnavailable("no answer")
        )

    async def find(self, key: str) -> Charge | None:
        return await self.network.call(lambda: self.provider.find(key), ProviderUnavailable("no answer"))

    async def capture(self, key: str) -> Charge:
        return await self.network.call(lambda: self._capture(key), ProviderUnavailable("no answer"))

    async def _capture(self, key: str) -> Charge:
        before = await self.provider.find(key)
        after = await self.provider.capture(key)
        if before is not None and before.state is ChargeState.AUTHORIZED and after.state is not ChargeState.CAPTURED:
            self.refused(payment_domain.payment_of(key))
        return after

    async def void(self, key: str) -> Charge:
        return await self.network.call(lambda: self.provider.void(key), ProviderUnavailable("no answer"))


@dataclass
class OrdersOverNetwork:
    """The order service as payment asks it."""

    network: Network
    orders: Orders

    async def find(self, order_id: str) -> OrderFact | None:
        return await self.network.call(lambda: self.orders.find(order_id), Unavailable("order does not answer"))

    async def outcomes(self, order_ids: Sequence[str]) -> Mapping[str, Outcome]:
        return await self.network.call(lambda: self.orders.outcomes(order_ids), Unavailable("order does not answer"))


@dataclass
class OrdersOnDatabase:
    """What the order service's API answers to payment."""

    deps: Callable[[], OrderDependencies]

    async def find(self, order_id: str) -> OrderFact | None:
        try:
            order = await get_order(self.deps(), order_domain.Viewer("svc_payment", internal=True), order_id)
        except OrderNotFound:
            return None
        return OrderFact(order_id, order.customer_id, order.state, order.total, order.pay_before, order.sale_id)

    async def outcomes(self, order_ids: Sequence[str]) -> Mapping[str, Outcome]:
        found = await get_outcomes(self.deps(), order_ids)
        return {one.order_id: Outcome(one.state, one.reason) for one in found}


@dataclass
class GoodsOverNetwork:
    """Inventory as the order service asks it, for a hold whose event is late and for goods that are sold."""

    network: Network
    deps: Callable[[], Dependencies]

    async def claim_of(self, order_id: str) -> ClaimFact | None:
        return await self.network.call(lambda: self._claim_of(order_id), Unavailable("inventory does not answer"))

    async def _claim_of(self, order_id: str) -> ClaimFact | None:
        try:
            hold = HoldView.of(*await get_hold(self.deps(), order_id)).as_json()
        except ReservationNotFound:
            return None
        return ClaimFact.of(hold)

    async def are_sold(self, order_id: str) -> bool:
        return await self.network.call(lambda: self._are_sold(order_id), Unavailable("inventory does not answer"))

    async def _are_sold(self, order_id: str) -> bool:
        try:
            return (await read.get_reservation(self.deps(), order_id)).state is ReservationState.CONFIRMED
        except ReservationNotFound:
            return False
