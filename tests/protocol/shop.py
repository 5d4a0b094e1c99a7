"""The services together, for many sequences: each has a sale of its own, so that nothing has to be cleared."""

from __future__ import annotations

import asyncio
from collections import Counter as Counted
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from amazonlite.common.core.event import Event
from amazonlite.common.core.ids import new_id
from amazonlite.common.core.money import Money
from amazonlite.common.core.settings import MysqlSettings
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.inventory.dependencies import Dependencies
from amazonlite.inventory.flash_sale import store as sales
from amazonlite.inventory.flash_sale.dependencies import SaleDependencies
from amazonlite.inventory.flash_sale.domain import Admission, Counters, Sale, SaleAudit, SaleState, Terms
from amazonlite.inventory.ports import Sealed
from amazonlite.inventory.reservations.domain import ReservationState
from amazonlite.inventory.stock.adjust import set_on_hand
from amazonlite.inventory.stock.book import book
from amazonlite.inventory.stock.domain import Entry, EntryKind
from amazonlite.order.dependencies import OrderDependencies
from amazonlite.payment.dependencies import PaymentDependencies
from amazonlite.payment.simulated.provider import SimulatedProvider
from protocol.facts import Fact, Memory
from protocol.memory_orders import MemoryOrders
from protocol.network import Network
from protocol.services import (
    AwayQueue,
    GoodsOverNetwork,
    LateClock,
    OrdersOnDatabase,
    OrdersOverNetwork,
    PaymentsOverNetwork,
    ProviderOverNetwork,
    Store,
)

HOURS = 36_000.0
UNITS = 5
PER_CUSTOMER = 2
SECRET = b"shared with the provider"
UNUSED = cast(Any, None)


class Shop:
    """One event loop, one database a service. ``memory`` is of the sequence that runs."""

    def __init__(self, loop: asyncio.AbstractEventLoop, mysql_for: Callable[[str], MysqlSettings]) -> None:
        self.loop = loop
        self.network = Network(loop)
        self.memory = Memory()
        self.inventory, self.payment, self.order = (Store.open(mysql_for(s)) for s in ("inventory", "payment", "order"))
        payments = PaymentsOverNetwork(self.network, lambda: self.payment_deps, self._witness)
        self.order_deps = OrderDependencies(
            self.order.transactions,
            UNUSED,
            payments,
            GoodsOverNetwork(self.network, lambda: self.deps),
            clock=LateClock(),
        )
        self.deps = Dependencies(self.inventory.transactions, payments)
        self.sale_deps = SaleDependencies(self.deps, cast(Any, AwayQueue()), UNUSED, UNUSED)
        self.payment_deps = self._payment_deps()

    def on_database(self) -> None:
        """From now on payment asks the real order service."""
        self._orders.orders = OrdersOnDatabase(lambda: self.order_deps)

    def in_memory(self) -> MemoryOrders:
        """From now on payment asks these orders."""
        orders = MemoryOrders()
        self._orders.orders = orders
        return orders

    def _payment_deps(self) -> PaymentDependencies:
        self._orders = OrdersOverNetwork(self.network, MemoryOrders())
        provider = SimulatedProvider(self.payment.immortal, latency=0, answer_after=HOURS)
        return PaymentDependencies(
            self.payment.transactions,
            self._orders,
            ProviderOverNetwork(self.network, provider, self._refused),
            SECRET,
            provider_timeout=HOURS,
            recover_after=HOURS,
        )

    def wait(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    async def new_sale(self) -> Sale:
        """A sale that is live, with ``UNITS`` units."""
        sale = _sale(new_id("fs"))
        sku = sale.terms.sku

        async def work(uow: UnitOfWork) -> None:
            await set_on_hand(self.deps, uow, {sku: UNITS})
            await sales.add(uow, sale)
            await book(uow, [Entry(f"{sale.id}:{EntryKind.ALLOCATE}", EntryKind.ALLOCATE, sku, UNITS, sale.id)])

        await in_transaction(self.inventory.immortal, work)
        return sale

    async def look(self, sale: Sale) -> tuple[Mapping[str, Fact], SaleAudit]:
        """Every order of the sale, and its books: two plain statements, since this follows every step."""
        async with self.inventory.immortal() as uow:
            rows = list(await uow.driver_sql(self._facts_of(sale.id)))
            entries = list(await uow.driver_sql(_LEDGER_OF.format(sale.id)))
        facts = {row.order_id: _fact(row) for row in rows}
        return facts, _books(sale, facts.values(), entries)

    async def new_events(self) -> list[Event]:
        return [event for store in self.stores for event in await store.new_events()]

    async def retire_leftovers(self) -> None:
        """What a sequence that broke off left behind concerns no later one."""
        await self.inventory.write("UPDATE reservation SET state = 'RELEASED' WHERE state = 'HELD'")
        await self.payment.write(
            "UPDATE payment_intent SET due_at = NULL WHERE due_at IS NOT NULL",
            "UPDATE provider_charge SET due_at = NULL WHERE due_at IS NOT NULL",
        )
        await self.order.write("UPDATE orders SET state = 'CANCELLED' WHERE state IN ('PENDING', 'RESERVED')")

    async def close(self) -> None:
        for store in self.stores:
            await store.engine.dispose()

    @property
    def stores(self) -> tuple[Store, Store, Store]:
        return self.inventory, self.payment, self.order

    async def _witness(self, sealed: Sealed) -> None:
        asked = [*sealed.closed, *sealed.authorized]
        names = ", ".join(f"'{order_id}'" for order_id in asked)
        query = f"SELECT order_id, state, wanted FROM payment_intent WHERE order_id IN ({names})"  # noqa: S608
        rows = await self.payment.rows(query)
        facts = [Fact(row.order_id, "", overdue=False, payment=row.state, wanted=row.wanted or "") for row in rows]
        paid = [fact.order_id for fact in facts if fact.binding]
        self.memory.witness(list(sealed.closed), list(sealed.authorized), paid)

    def _refused(self, payment_id: str) -> None:
        self.memory.refused.add(payment_id)

    def _facts_of(self, sale_id: str) -> str:
        return _FACTS_OF.format(payment=self.payment.mysql.database, order=self.order.mysql.database, sale_id=sale_id)


_FACTS_OF = """
SELECT r.order_id, r.customer_id, r.state AS hold, r.expires_at <= SYSDATE(6) AS overdue, l.quantity AS units,
       p.payment_id, p.state AS payment, p.wanted, o.state AS order_state,
       (SELECT GROUP_CONCAT(CONCAT(c.charge_key, '=', c.state)) FROM `{payment}`.provider_charge c
        WHERE c.charge_key = p.payment_id OR c.charge_key LIKE CONCAT(p.payment_id, '.%%')) AS charges
FROM reservation r
JOIN reservation_line l ON l.reservation_id = r.id
LEFT JOIN `{payment}`.payment_intent p ON p.order_id = r.order_id
LEFT JOIN `{order}`.orders o ON o.order_id = r.order_id
WHERE r.sale_id = '{sale_id}' ORDER BY r.id
"""


def _sale(sale_id: str) -> Sale:
    now = datetime.now(UTC)
    terms = Terms(
        name="Sale",
        sku=sale_id.replace("fs_", "B_"),
        quantity=UNITS,
        unit_price=Money(999, "USD"),
        starts_at=now - timedelta(minutes=1),
        ends_at=now + timedelta(hours=1),
        per_customer_limit=PER_CUSTOMER,
        hold_ttl=timedelta(minutes=5),
    )
    wide = Admission(max_active=10_000, rate_per_second=100_000)
    return Sale(sale_id, terms, wide, Counters(), SaleState.LIVE, version=1, fence=1, fingerprint="test")


_LEDGER_OF = (
    "SELECT s.allocated, s.free, s.held, s.sold, s.returned, l.kind, SUM(l.quantity) AS units"
    " FROM flash_sale s JOIN ledger l ON l.sale_id = s.id WHERE s.id = '{}' GROUP BY l.kind"
)


def _books(sale: Sale, facts: Iterable[Fact], entries: Sequence[Any]) -> SaleAudit:
    units: Counted[ReservationState] = Counted()
    for fact in facts:
        units[ReservationState(fact.hold)] += fact.units
    first = entries[0]
    counters = Counters(first.allocated, first.free, first.held, first.sold, first.returned)
    ledger = {EntryKind(row.kind): int(row.units) for row in entries}
    return SaleAudit(replace(sale, counters=counters), datetime.now(UTC), units, ledger, None)


def _fact(row: Any) -> Fact:
    return Fact(
        order_id=row.order_id,
        units=row.units,
        customer_id=row.customer_id,
        hold=row.hold,
        overdue=bool(row.overdue),
        payment_id=row.payment_id or "",
        payment=row.payment or "",
        wanted=row.wanted or "",
        charges=dict(one.split("=") for one in (row.charges or "").split(",") if one),
        order=row.order_state or "",
    )
