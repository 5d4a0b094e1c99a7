"""Payments in MariaDB/MySQL. Whoever changes one holds its row lock; ``due_at`` is in the database's clock."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    and_,
    func,
    insert,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.mysql import BIGINT
from sqlalchemy.dialects.mysql import insert as upsert
from sqlalchemy.sql.elements import TextClause

from amazonlite.common.core.money import Money
from amazonlite.common.data.columns import UtcDateTime
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.common.observe.overdue import Overdue
from amazonlite.payment.domain import (
    CAPTURE_REFUSED,
    CUSTOMER_CANCELLED,
    DeclinedAttempt,
    Method,
    Payment,
    PaymentState,
    Wanted,
)

DB_NOW = text("UTC_TIMESTAMP(6)")
metadata = MetaData()
intents = Table(
    "payment_intent",
    metadata,
    Column("payment_id", String(64), primary_key=True),
    Column("order_id", String(64)),
    Column("customer_id", String(64)),
    Column("sale_id", String(64)),
    Column("state", String(24)),
    Column("amount", BIGINT),
    Column("currency", String(3)),
    Column("method", String(24)),
    Column("confirm_key", String(200)),
    Column("reason", String(200)),
    Column("wanted", String(8)),
    Column("due_at", UtcDateTime()),
    Column("attempts", Integer),
    Column("pay_before", UtcDateTime()),
    Column("created_at", UtcDateTime()),
    Column("declined", JSON(none_as_null=True)),
    Column("changed_at", UtcDateTime()),
)
slots = Table(
    "order_slot", metadata, Column("order_id", String(64), primary_key=True), Column("payment_id", String(64))
)


@dataclass(frozen=True, slots=True)
class Due:
    """A payment that somebody has to look after, and how often that was tried in vain."""

    payment: Payment
    attempts: int


@dataclass(frozen=True, slots=True)
class PageKey:
    """An order whose payment is as it is since then, in UTC: a place in the list of all such."""

    since: datetime
    order_id: str


@dataclass(frozen=True, slots=True)
class StateSum:
    """How many payments, and how much money in them, a sale has in one state."""

    state: PaymentState
    payments: int
    amount: Money


@dataclass(frozen=True, slots=True)
class SalePayments:
    """A sale's payments; ``lost`` counts those that were authorised and whose order the shop closed."""

    by_state: Sequence[StateSum]
    lost: int


async def reserve_order_payment(uow: UnitOfWork, order_id: str, payment_id: str | None) -> bool:
    """An order's slot is taken once: by its payment, or by the end of the order (None), whichever comes first."""
    statement = insert(slots).prefix_with("IGNORE").values(order_id=order_id, payment_id=payment_id)
    return (await uow.execute(statement)).rowcount == 1


async def close_slots(uow: UnitOfWork, order_ids: Collection[str]) -> None:
    """Takes the slots that nobody has yet; where a payment is being opened, waits for it."""
    rows = [{"order_id": order_id, "payment_id": None} for order_id in sorted(order_ids)]
    # Not INSERT IGNORE: the driver asks for the warnings of each row that is there already.
    await uow.execute(upsert(slots).on_duplicate_key_update(order_id=slots.c.order_id), rows)


async def add(uow: UnitOfWork, payment: Payment) -> None:
    await uow.execute(insert(intents).values(**_lasting(payment), **_changing(payment)))


async def save(uow: UnitOfWork, payment: Payment, *, due_in: float | None) -> None:
    """``due_in`` seconds from now somebody looks after the payment; None when there is nothing left to do."""
    due = None if due_in is None else _in_seconds(due_in)
    values = {**_changing(payment), "due_at": due, "attempts": 0, "changed_at": DB_NOW}
    await uow.execute(update(intents).where(intents.c.payment_id == payment.payment_id).values(**values))


async def save_decided(uow: UnitOfWork, payments: Sequence[Payment]) -> None:
    """Writes many; those that want something of the provider are looked after at once."""
    await _save_all(uow, [payment for payment in payments if payment.open_charges], due_at=DB_NOW)
    await _save_all(uow, [payment for payment in payments if not payment.open_charges], due_at=null())


async def _save_all(uow: UnitOfWork, payments: Sequence[Payment], *, due_at: Any) -> None:
    """One statement: the rows are there and locked, so that it only updates."""
    if payments:
        statement = upsert(intents)
        changed = {name: statement.inserted[name] for name in _changing(payments[0])}
        rows = [{**_lasting(payment), **_changing(payment)} for payment in payments]
        always = {"due_at": due_at, "attempts": text("0"), "changed_at": DB_NOW}
        await uow.execute(statement.on_duplicate_key_update(**changed, **always), rows)


async def find(uow: UnitOfWork, payment_id: str) -> Payment | None:
    return await _one(uow, select(intents).where(intents.c.payment_id == payment_id))


async def lock(uow: UnitOfWork, payment_id: str) -> Payment | None:
    return await _one(uow, select(intents).where(intents.c.payment_id == payment_id).with_for_update())


async def find_by_order(uow: UnitOfWork, order_id: str) -> Payment | None:
    return await _one(uow, select(intents).where(intents.c.order_id == order_id))


async def lock_by_orders(uow: UnitOfWork, order_ids: Collection[str]) -> list[Payment]:
    """The payments of those orders that have one, each by ascending order."""
    statement = select(intents).where(intents.c.order_id.in_(sorted(order_ids))).order_by(intents.c.order_id)
    # Of many orders in a small table MariaDB would read all rows, and wait for every locked one.
    locking = statement.with_hint(intents, "FORCE INDEX (payment_of_order)").with_for_update()
    return [_payment(row) for row in await uow.execute(locking)]


async def lease_due(uow: UnitOfWork, limit: int, lease: float) -> list[Due]:
    """Payments to look after now; nobody else gets them for ``lease`` seconds."""
    statement = (
        select(intents)
        .where(intents.c.due_at <= DB_NOW)
        .order_by(intents.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = (await uow.execute(statement)).all()
    if rows:
        leased = intents.c.payment_id.in_([row.payment_id for row in rows])
        values = {"due_at": _in_seconds(lease), "attempts": intents.c.attempts + 1}
        await uow.execute(update(intents).where(leased).values(**values))
    return [Due(_payment(row), row.attempts) for row in rows]


async def put_off(uow: UnitOfWork, payment: Payment, seconds: float) -> None:
    """Tries again later, unless the payment moved on meanwhile."""
    wanted = intents.c.wanted.is_(None) if payment.wanted is None else intents.c.wanted == payment.wanted
    unchanged = intents.c.payment_id == payment.payment_id, intents.c.state == payment.state, wanted
    await uow.execute(update(intents).where(*unchanged).values(due_at=_in_seconds(seconds)))


async def read_sale(uow: UnitOfWork, sale_id: str) -> SalePayments:
    return SalePayments(await _sum_by_state(uow, sale_id), await count_lost(uow, sale_id))


async def _sum_by_state(uow: UnitOfWork, sale_id: str) -> list[StateSum]:
    statement = (
        select(
            intents.c.state,
            intents.c.currency,
            func.count().label("payments"),
            func.sum(intents.c.amount).label("amount"),
        )
        .where(intents.c.sale_id == sale_id)
        .group_by(intents.c.state, intents.c.currency)
    )
    rows = await uow.execute(statement)
    return [StateSum(PaymentState(row.state), row.payments, Money(int(row.amount), row.currency)) for row in rows]


async def count_lost(uow: UnitOfWork, sale_id: str | None = None) -> int:
    """How many payments are ``lost``, as the domain calls it: of the sale, or of all."""
    voided = and_(intents.c.state == PaymentState.AUTHORIZED, intents.c.wanted == Wanted.VOID)
    closed = or_(intents.c.state.in_([PaymentState.VOIDED, PaymentState.CAPTURED]), voided)
    lost = intents.c.reason.notin_(["", CUSTOMER_CANCELLED, CAPTURE_REFUSED])
    statement = select(func.count()).select_from(intents).where(closed, lost)
    if sale_id is not None:
        statement = statement.where(intents.c.sale_id == sale_id)
    return int((await uow.execute(statement)).scalar_one())


async def find_undecided(uow: UnitOfWork, longest: timedelta, after: PageKey, limit: int) -> list[PageKey]:
    """Orders whose money is held for ``longest``, and whether to take it is not known: those behind ``after``."""
    undecided = intents.c.state == PaymentState.AUTHORIZED, intents.c.wanted.is_(None)
    since, order_id = intents.c.changed_at, intents.c.order_id
    behind = or_(since > after.since, and_(since == after.since, order_id > after.order_id))
    statement = select(since, order_id).where(*undecided, since <= _ago(longest), since >= after.since, behind)
    rows = await uow.execute(statement.order_by(since, order_id).limit(limit))
    return [PageKey(row.changed_at, row.order_id) for row in rows]


async def find_stuck(uow: UnitOfWork, longest: timedelta, after_pay_before: timedelta) -> dict[str, Overdue]:
    """By state: undecided for ``longest``, due at the provider for as long, or unpaid after the time to pay."""
    waiting = intents.c.state.in_([PaymentState.PROCESSING, PaymentState.AUTHORIZED])
    since = intents.c.changed_at <= _ago(longest)
    unpaid = and_(intents.c.state == PaymentState.REQUIRES_CONFIRMATION, intents.c.pay_before <= _ago(after_pay_before))
    stuck = or_(and_(or_(waiting, intents.c.due_at.is_not(None)), since), unpaid)
    statement = (
        select(intents.c.state, func.count().label("stuck"), func.min(intents.c.payment_id).label("example"))
        .where(stuck)
        .group_by(intents.c.state)
    )
    return {row.state: Overdue(row.stuck, row.example) for row in await uow.execute(statement)}


async def _one(uow: UnitOfWork, statement: Select[Any]) -> Payment | None:
    row = (await uow.execute(statement)).one_or_none()
    return None if row is None else _payment(row)


def _ago(time: timedelta) -> TextClause:
    return text(f"UTC_TIMESTAMP(6) - INTERVAL {int(time.total_seconds())} SECOND")


def _in_seconds(seconds: float) -> TextClause:
    return text(f"UTC_TIMESTAMP(6) + INTERVAL {int(seconds * 1_000_000)} MICROSECOND")


def _changing(payment: Payment) -> dict[str, Any]:
    return {
        "state": payment.state,
        "method": payment.method,
        "confirm_key": payment.confirm_key,
        "reason": payment.reason,
        "wanted": payment.wanted,
        "declined": [[one.confirm_key, one.method, one.stray] for one in payment.declined] or None,
    }


def _lasting(payment: Payment) -> dict[str, Any]:
    return {
        "payment_id": payment.payment_id,
        "order_id": payment.order_id,
        "customer_id": payment.customer_id,
        "sale_id": payment.sale_id,
        "amount": payment.amount.amount,
        "currency": payment.amount.currency,
        "pay_before": payment.pay_before,
        "created_at": payment.created_at,
    }


def _payment(row: Row[Any]) -> Payment:
    return Payment(
        payment_id=row.payment_id,
        order_id=row.order_id,
        customer_id=row.customer_id,
        state=PaymentState(row.state),
        amount=Money(row.amount, row.currency),
        pay_before=row.pay_before,
        created_at=row.created_at,
        sale_id=row.sale_id,
        method=None if row.method is None else Method(row.method),
        confirm_key=row.confirm_key,
        reason=row.reason,
        wanted=None if row.wanted is None else Wanted(row.wanted),
        declined=tuple(DeclinedAttempt(key, Method(method), stray) for key, method, stray in row.declined or ()),
    )
