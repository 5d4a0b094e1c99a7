"""Orders and their timelines in MariaDB/MySQL. Whoever changes an order holds its row lock (`lock`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    and_,
    func,
    insert,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.mysql import BIGINT
from sqlalchemy.dialects.mysql import insert as upsert
from sqlalchemy.sql.elements import TextClause

from amazonlite.common.core.money import Money
from amazonlite.common.data.columns import UtcDateTime
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.common.observe.overdue import Overdue
from amazonlite.order.domain import OPEN_STATES, Cause, Line, Order, OrderState, TimelineEntry

DB_NOW = text("UTC_TIMESTAMP(6)")
metadata = MetaData()
orders = Table(
    "orders",
    metadata,
    Column("order_id", String(64), primary_key=True),
    Column("customer_id", String(64)),
    Column("state", String(16)),
    Column("version", Integer),
    Column("reason", String(200)),
    Column("sale_id", String(64)),
    Column("reservation_id", String(64)),
    Column("payment_id", String(64)),
    Column("order_lines", JSON),
    Column("units", Integer),
    Column("total_amount", BIGINT),
    Column("currency", String(3)),
    Column("pay_before", UtcDateTime()),
    Column("created_at", UtcDateTime()),
)
order_event = Table(
    "order_event",
    metadata,
    Column("order_id", String(64), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("state", String(16)),
    Column("applied", Boolean),
    Column("at", UtcDateTime()),
    Column("cause", String(64)),
    Column("cause_event_id", String(64)),
    Column("reason", String(200)),
)


@dataclass(frozen=True, slots=True)
class PageKey:
    """A place in a customer's list, newest first: the page after it starts with the next older order."""

    created_at: datetime
    order_id: str


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many orders, and units in them, a sale has in one state."""

    state: OrderState
    orders: int
    units: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one order stands, and why it was closed."""

    order_id: str
    state: OrderState
    reason: str


async def add_all(uow: UnitOfWork, new: Sequence[Order]) -> None:
    """IntegrityError: one of them is there already."""
    if new:
        await uow.execute(insert(orders), [{**_changing(order), **_lasting(order)} for order in new])


async def save_all(uow: UnitOfWork, moved: Sequence[Order]) -> None:
    """Writes what a transition may change, in one statement: the rows are there and locked, so that it only updates."""
    if moved:
        statement = upsert(orders)
        changed = {name: statement.inserted[name] for name in _changing(moved[0])}
        rows = [{**_lasting(order), **_changing(order)} for order in moved]
        await uow.execute(statement.on_duplicate_key_update(**changed), rows)


async def find(uow: UnitOfWork, order_id: str) -> Order | None:
    row = (await uow.execute(select(orders).where(orders.c.order_id == order_id))).one_or_none()
    return None if row is None else _order(row)


async def lock(uow: UnitOfWork, order_id: str) -> Order | None:
    statement = select(orders).where(orders.c.order_id == order_id).with_for_update()
    row = (await uow.execute(statement)).one_or_none()
    return None if row is None else _order(row)


async def lock_all(uow: UnitOfWork, order_ids: Collection[str]) -> dict[str, Order]:
    """Those of the orders that there are, locked by ascending id."""
    statement = select(orders).where(orders.c.order_id.in_(sorted(order_ids))).order_by(orders.c.order_id)
    return {row.order_id: _order(row) for row in await uow.execute(statement.with_for_update())}


async def known(uow: UnitOfWork, order_ids: Collection[str]) -> set[str]:
    """Those of the orders that there are, or of which anything was heard before they came."""
    found = select(orders.c.order_id).where(orders.c.order_id.in_(order_ids))
    heard = select(order_event.c.order_id).where(order_event.c.order_id.in_(order_ids), order_event.c.seq == 1)
    return set((await uow.execute(found.union(heard))).scalars())


async def find_outcomes(uow: UnitOfWork, order_ids: Collection[str]) -> list[Outcome]:
    """Of those of the orders that there are; not locked."""
    columns = orders.c.order_id, orders.c.state, orders.c.reason
    rows = await uow.execute(select(*columns).where(orders.c.order_id.in_(sorted(order_ids))))
    return [Outcome(row.order_id, OrderState(row.state), row.reason) for row in rows]


async def find_overdue(uow: UnitOfWork, limit: int) -> list[str]:
    """Open orders whose time to pay has passed by the database's clock, the longest overdue first; not locked."""
    overdue = orders.c.state.in_(sorted(OPEN_STATES)), orders.c.pay_before <= DB_NOW
    statement = select(orders.c.order_id).where(*overdue).order_by(orders.c.pay_before).limit(limit)
    return list((await uow.execute(statement)).scalars())


async def find_unconfirmed(uow: UnitOfWork, limit: int) -> list[str]:
    """Authorised orders whose time to pay has passed by the database's clock, the oldest first; not locked."""
    waiting = orders.c.state == OrderState.AUTHORIZED, orders.c.pay_before <= DB_NOW
    statement = select(orders.c.order_id).where(*waiting).order_by(orders.c.pay_before).limit(limit)
    return list((await uow.execute(statement)).scalars())


async def find_stuck(
    uow: UnitOfWork, longest: Mapping[OrderState, timedelta], after_pay_before: timedelta
) -> dict[str, Overdue]:
    """By state: orders that entered it too long ago, and RESERVED ones whose time to pay has passed."""
    entered = (
        select(func.max(order_event.c.at))
        .where(
            order_event.c.order_id == orders.c.order_id, order_event.c.applied, order_event.c.state == orders.c.state
        )
        .scalar_subquery()
    )
    too_long = [and_(orders.c.state == state, entered <= _ago(time)) for state, time in longest.items()]
    unpaid = and_(orders.c.state == OrderState.RESERVED, orders.c.pay_before <= _ago(after_pay_before))
    statement = (
        select(orders.c.state, func.count().label("stuck"), func.min(orders.c.order_id).label("example"))
        .where(orders.c.state.in_([*longest, OrderState.RESERVED]), or_(*too_long, unpaid))
        .group_by(orders.c.state)
    )
    return {row.state: Overdue(row.stuck, row.example) for row in await uow.execute(statement)}


async def page(uow: UnitOfWork, customer_id: str, after: PageKey | None, limit: int) -> list[Order]:
    statement = select(orders).where(orders.c.customer_id == customer_id)
    if after is not None:
        here = (after.created_at, after.order_id)
        statement = statement.where(tuple_(orders.c.created_at, orders.c.order_id) < here)
    statement = statement.order_by(orders.c.created_at.desc(), orders.c.order_id.desc()).limit(limit)
    return [_order(row) for row in await uow.execute(statement)]


async def count_by_state(uow: UnitOfWork, sale_id: str) -> list[StateCount]:
    statement = (
        select(orders.c.state, func.count().label("orders"), func.sum(orders.c.units).label("units"))
        .where(orders.c.sale_id == sale_id)
        .group_by(orders.c.state)
    )
    return [StateCount(OrderState(row.state), row.orders, int(row.units)) for row in await uow.execute(statement)]


async def record_all(uow: UnitOfWork, entries: Sequence[tuple[str, TimelineEntry]]) -> None:
    if entries:
        await uow.execute(insert(order_event), [_entry_row(order_id, entry) for order_id, entry in entries])


async def record_first(uow: UnitOfWork, order_id: str, entry: TimelineEntry) -> bool:
    """False when the timeline had begun; the primary key makes two that meet here wait for one another."""
    statement = insert(order_event).prefix_with("IGNORE").values(_entry_row(order_id, entry))
    return (await uow.execute(statement)).rowcount == 1


async def timeline(uow: UnitOfWork, order_id: str) -> list[TimelineEntry]:
    statement = select(order_event).where(order_event.c.order_id == order_id).order_by(order_event.c.seq)
    return [_entry(row) for row in await uow.execute(statement)]


def _changing(order: Order) -> dict[str, Any]:
    return {
        "state": order.state,
        "version": order.version,
        "reason": order.reason,
        "reservation_id": order.reservation_id,
        "payment_id": order.payment_id,
        "pay_before": order.pay_before,
    }


def _lasting(order: Order) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "customer_id": order.customer_id,
        "sale_id": order.sale_id,
        "order_lines": _lines_json(order.lines),
        "units": order.units,
        "total_amount": order.total.amount,
        "currency": order.total.currency,
        "created_at": order.created_at,
    }


def _lines_json(lines: Sequence[Line]) -> list[list[Any]]:
    return [[line.sku, line.quantity, line.unit_price.amount] for line in lines]


def _order(row: Row[Any]) -> Order:
    return Order(
        order_id=row.order_id,
        customer_id=row.customer_id,
        state=OrderState(row.state),
        lines=tuple(Line(sku, quantity, Money(amount, row.currency)) for sku, quantity, amount in row.order_lines),
        total=Money(row.total_amount, row.currency),
        pay_before=row.pay_before,
        created_at=row.created_at,
        version=row.version,
        sale_id=row.sale_id,
        reservation_id=row.reservation_id,
        payment_id=row.payment_id,
        reason=row.reason,
    )


def _entry_row(order_id: str, entry: TimelineEntry) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "seq": entry.seq,
        "state": entry.state,
        "applied": entry.applied,
        "at": entry.at,
        "cause": entry.cause.name,
        "cause_event_id": entry.cause.event_id,
        "reason": entry.reason,
    }


def _entry(row: Row[Any]) -> TimelineEntry:
    return TimelineEntry(
        seq=row.seq,
        state=None if row.state is None else OrderState(row.state),
        applied=row.applied,
        at=row.at,
        cause=Cause(row.cause, row.cause_event_id),
        reason=row.reason,
    )


def _ago(time: timedelta) -> TextClause:
    return text(f"UTC_TIMESTAMP(6) - INTERVAL {int(time.total_seconds())} SECOND")
