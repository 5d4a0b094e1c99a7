"""The simulated provider's charges. What a charge came to is decided by one conditional write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, MetaData, Row, String, Table, insert, select, text, update
from sqlalchemy.dialects.mysql import BIGINT
from sqlalchemy.sql.elements import TextClause

from amazonlite.common.core.money import Money
from amazonlite.common.data.columns import UtcDateTime
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.payment.domain import ChargeState, Method
from amazonlite.payment.provider import Charge

DB_NOW = text("UTC_TIMESTAMP(6)")
charges = Table(
    "provider_charge",
    MetaData(),
    Column("charge_key", String(64), primary_key=True),
    Column("amount", BIGINT),
    Column("currency", String(3)),
    Column("method", String(24)),
    Column("state", String(16)),
    Column("reason", String(200)),
    Column("due_at", UtcDateTime()),
)


@dataclass(frozen=True, slots=True)
class DueCharge:
    """A charge whose answer is to be told by webhook now."""

    charge: Charge
    method: Method


async def add(
    uow: UnitOfWork, charge: Charge, amount: Money, method: Method, *, answer_in: float | None = None
) -> bool:
    """False when the key has a charge already."""
    due = None if answer_in is None else _in_seconds(answer_in)
    values = {"amount": amount.amount, "currency": amount.currency, "method": method, "due_at": due}
    return await _insert(uow, charge, values)


async def forbid(uow: UnitOfWork, key: str) -> bool:
    """Takes a key that has no charge, so that it never gets one."""
    return await _insert(uow, Charge(key, ChargeState.VOIDED), {})


async def find(uow: UnitOfWork, key: str) -> Charge | None:
    row = (await uow.execute(select(charges).where(charges.c.charge_key == key))).one_or_none()
    return None if row is None else _charge(row)


async def method_of(uow: UnitOfWork, key: str) -> str:
    """Empty when the key has no charge."""
    method = (await uow.execute(select(charges.c.method).where(charges.c.charge_key == key))).scalar()
    return str(method or "")


async def move(uow: UnitOfWork, key: str, sources: set[ChargeState], target: ChargeState, reason: str = "") -> bool:
    """True for the one call that moves the charge."""
    statement = update(charges).where(charges.c.charge_key == key, charges.c.state.in_(sorted(sources)))
    return (await uow.execute(statement.values(state=target, reason=reason))).rowcount == 1


async def lease_due(uow: UnitOfWork, limit: int, lease: float) -> list[DueCharge]:
    """Charges whose webhook is due; they are due again after ``lease`` seconds unless ``told`` before."""
    statement = select(charges).where(charges.c.due_at <= DB_NOW).limit(limit).with_for_update(skip_locked=True)
    rows = (await uow.execute(statement)).all()
    if rows:
        leased = charges.c.charge_key.in_([row.charge_key for row in rows])
        await uow.execute(update(charges).where(leased).values(due_at=_in_seconds(lease)))
    return [DueCharge(_charge(row), Method(row.method)) for row in rows]


async def told(uow: UnitOfWork, key: str) -> None:
    await uow.execute(update(charges).where(charges.c.charge_key == key).values(due_at=None))


async def _insert(uow: UnitOfWork, charge: Charge, values: dict[str, Any]) -> bool:
    row = {"charge_key": charge.key, "state": charge.state, "reason": charge.reason, **values}
    return (await uow.execute(insert(charges).prefix_with("IGNORE").values(**row))).rowcount == 1


def _charge(row: Row[Any]) -> Charge:
    return Charge(row.charge_key, ChargeState(row.state), row.reason)


def _in_seconds(seconds: float) -> TextClause:
    return text(f"UTC_TIMESTAMP(6) + INTERVAL {int(seconds * 1_000_000)} MICROSECOND")
