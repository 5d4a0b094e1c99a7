"""What a sale left in the tables, read directly from MariaDB, past every service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from kafka import KafkaConsumer, TopicPartition
from pymysql.cursors import Cursor

from amazonlite.common.events.topics import TOPICS, dlq_of
from amazonlite.common.testing.stores import independent_client, kafka_settings, root_cursor
from amazonlite.inventory.stock.domain import EFFECTS, EntryKind

Row = TypeVar("Row")
DATABASES = ("inventory", "orders", "payment")
WAITING = ("outbox_pending", "outbox_held", "inbox_parked")


@dataclass(frozen=True, slots=True)
class SaleRow:
    """A sale's counters, and the stock record of its SKU."""

    quantity: int
    allocated: int
    free: int
    held: int
    sold: int
    returned: int
    per_customer_limit: int
    on_hand: int
    available: int
    reserved: int


@dataclass(frozen=True, slots=True)
class HoldRow:
    id: str
    order_id: str
    customer_id: str
    state: str
    units: int


@dataclass(frozen=True, slots=True)
class OrderRow:
    """``confirmed_at`` is in seconds since 1970, None for an order that never was."""

    id: str
    customer_id: str
    state: str
    reason: str
    total: int
    currency: str
    reservation_id: str | None = None
    payment_id: str | None = None
    confirmed_at: float | None = None


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """``unfinished``: somebody still has to look after it."""

    id: str
    order_id: str
    state: str
    reason: str
    unfinished: bool = False


@dataclass(frozen=True, slots=True)
class ChargeRow:
    """What the provider holds or has taken under the payment's id."""

    payment_id: str
    state: str
    amount: int | None
    currency: str | None
    method: str | None = "pm_ok"


@dataclass(frozen=True, slots=True)
class Rows:
    """All of one sale. ``ledger`` has units by kind; ``unsent`` events of all databases by table, the parked ones too.

    ``free_spans`` are the times between which units were free, in seconds since 1970; the last may have no end.
    """

    sale: SaleRow
    holds: Sequence[HoldRow] = ()
    ledger: Mapping[str, int] = field(default_factory=dict)
    orders: Sequence[OrderRow] = ()
    payments: Sequence[PaymentRow] = ()
    charges: Sequence[ChargeRow] = ()
    unsent: Mapping[str, int] = field(default_factory=dict)
    free_spans: Sequence[tuple[float, float]] = ()

    @property
    def moving(self) -> bool:
        """Whether something of the sale is not at its end yet."""
        open_orders = any(order.state in {"PENDING", "RESERVED", "AUTHORIZED", "CONFIRMED"} for order in self.orders)
        unfinished = any(payment.unfinished for payment in self.payments)
        return open_orders or unfinished or bool(self.sale.held) or any(self.unsent.values())


def read_rows(sale_id: str) -> Rows:
    """Everything of the sale, read table by table: one moment only once nothing of it moves any more."""
    with root_cursor() as cursor:
        return Rows(
            sale=_sale(cursor, sale_id),
            holds=_each(cursor, HOLDS, sale_id, HoldRow),
            ledger={kind: int(units) for kind, units in _all(cursor, LEDGER, sale_id)},
            orders=_each(cursor, ORDERS, sale_id, _order),
            payments=_each(cursor, PAYMENTS, sale_id, PaymentRow),
            charges=_each(cursor, CHARGES, sale_id, ChargeRow),
            unsent=_unsent(cursor),
            free_spans=spans_of(
                (float(at), EntryKind(kind), int(units)) for at, kind, units in _all(cursor, BOOKED, sale_id)
            ),
        )


def spans_of(booked: Iterable[tuple[float, EntryKind, int]]) -> list[tuple[float, float]]:
    """When units were free, by the ledger's entries in the order in which they were booked: time, kind, units."""
    spans: list[tuple[float, float]] = []
    free, since = 0, 0.0
    for at, kind, units in booked:
        before, free = free, free + EFFECTS[kind].times(units).free
        if not before and free:
            since = at
        if before and not free:
            spans.append((since, at))
    return [*spans, (since, float("inf"))] if free else spans


def dead_letters() -> dict[str, int]:
    """How many records each dead letter topic has ever had."""
    consumer = KafkaConsumer(**independent_client(kafka_settings()), enable_auto_commit=False)
    try:
        names = [dlq_of(topic.name) for topic in TOPICS]
        parts = [TopicPartition(name, p) for name in names for p in consumer.partitions_for_topic(name) or ()]
        ends: Mapping[TopicPartition, int] = consumer.end_offsets(parts)
        return {name: sum(end for part, end in ends.items() if part.topic == name) for name in names}
    finally:
        consumer.close()


SALE = """
SELECT quantity, allocated, free, held, sold, returned, per_customer_limit, on_hand, available, reserved
FROM inventory.flash_sale JOIN inventory.stock USING (sku) WHERE id = %s
"""
HOLDS = """
SELECT id, order_id, customer_id, state, CAST(COALESCE(SUM(quantity), 0) AS SIGNED)
FROM inventory.reservation LEFT JOIN inventory.reservation_line ON reservation_id = id
WHERE sale_id = %s GROUP BY id
"""
BOOKED = "SELECT UNIX_TIMESTAMP(at), kind, quantity FROM inventory.ledger WHERE sale_id = %s ORDER BY id"
LEDGER = "SELECT kind, SUM(quantity) FROM inventory.ledger WHERE sale_id = %s GROUP BY kind"
ORDERS = """
SELECT orders.order_id, customer_id, orders.state, orders.reason, total_amount, currency, reservation_id, payment_id,
    (SELECT MIN(at) FROM orders.order_event
     WHERE order_event.order_id = orders.order_id AND applied AND state = 'CONFIRMED')
FROM orders.orders WHERE sale_id = %s
"""
PAYMENTS = """
SELECT payment_id, order_id, state, reason, due_at IS NOT NULL
FROM payment.payment_intent WHERE sale_id = %s
"""
# The charge of a payment's second attempt is called <payment>.2, and so on.
CHARGES = """
SELECT payment_id, provider_charge.state, provider_charge.amount, provider_charge.currency, provider_charge.method
FROM payment.provider_charge JOIN payment.payment_intent ON payment_id = SUBSTRING_INDEX(charge_key, '.', 1)
WHERE sale_id = %s
"""


def _all(cursor: Cursor, statement: str, sale_id: str) -> Iterable[tuple[Any, ...]]:
    cursor.execute(statement, (sale_id,))
    return cursor.fetchall()


def _each(cursor: Cursor, statement: str, sale_id: str, make: Callable[..., Row]) -> list[Row]:
    return [make(*row) for row in _all(cursor, statement, sale_id)]


def _sale(cursor: Cursor, sale_id: str) -> SaleRow:
    (row,) = _all(cursor, SALE, sale_id)
    return SaleRow(*(int(value) for value in row))


def _order(*row: Any) -> OrderRow:
    order = OrderRow(*row)
    confirmed_at = row[-1]
    return order if confirmed_at is None else replace(order, confirmed_at=_seconds(confirmed_at))


def _unsent(cursor: Cursor) -> dict[str, int]:
    counts: dict[str, int] = {}
    for table in (f"{database}.{name}" for database in DATABASES for name in WAITING):
        cursor.execute(f"SELECT COUNT(*) FROM {table}")  # noqa: S608 - a constant
        counts[table] = int((cursor.fetchone() or (0,))[0])
    return counts


def _seconds(moment: datetime) -> float:
    """The columns hold UTC without saying so."""
    return moment.replace(tzinfo=UTC).timestamp()
