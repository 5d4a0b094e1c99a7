"""Stock, reservations and the ledger in MariaDB/MySQL.

Locks are taken in one order, so that no two transactions wait for each other: reservations, then sales, then stock,
each by ascending key.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, MetaData, Row, Select, String, Table, func, insert, select, text, update
from sqlalchemy.dialects.mysql import BIGINT
from sqlalchemy.dialects.mysql import insert as upsert
from sqlalchemy.exc import IntegrityError

from amazonlite.common.data.columns import UtcDateTime
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.inventory.domain import Delta, Entry, Kind, Line, Reason, Reservation, ReservationState, Stock

# SYSDATE is read when the row is, NOW when the statement began: behind a lock they differ by the time waited.
DB_NOW = text("SYSDATE(6)")
metadata = MetaData()
stock = Table(
    "stock",
    metadata,
    Column("sku", String(64), primary_key=True),
    Column("on_hand", BIGINT),
    Column("available", BIGINT),
    Column("reserved", BIGINT),
    Column("version", BIGINT(unsigned=True)),  # the database counts it up: see migration 0004
)
reservation = Table(
    "reservation",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("order_id", String(64)),
    Column("customer_id", String(64)),
    Column("sale_id", String(64)),
    Column("claim_key", String(40)),
    Column("state", String(12)),
    Column("expires_at", UtcDateTime()),
)
reservation_line = Table(
    "reservation_line",
    metadata,
    Column("reservation_id", String(40), primary_key=True),
    Column("sku", String(64), primary_key=True),
    Column("quantity", BIGINT),
)
ledger = Table(
    "ledger",
    metadata,
    Column("id", BIGINT(unsigned=True), primary_key=True, autoincrement=True),
    Column("effect_key", String(160)),
    Column("kind", String(12)),
    Column("sku", String(64)),
    Column("quantity", BIGINT),
    Column("sale_id", String(64)),
    Column("reason", String(16)),
)


@dataclass(frozen=True, slots=True)
class Overdue:
    """A held reservation whose time is over, not locked: it may be paid or gone a moment later."""

    id: str
    order_id: str
    sale_id: str | None


_INSERT_RESERVATION = insert(reservation)
_INSERT_LINE = insert(reservation_line)
_INSERT_ENTRY = insert(ledger)


async def find_stock(uow: UnitOfWork, sku: str) -> Stock | None:
    row = (await uow.execute(select(stock).where(stock.c.sku == sku))).one_or_none()
    return None if row is None else _stock(row)


async def lock_stock(uow: UnitOfWork, skus: Collection[str]) -> dict[str, Stock]:
    statement = select(stock).where(stock.c.sku.in_(sorted(skus))).order_by(stock.c.sku).with_for_update()
    return {row.sku: _stock(row) for row in await uow.execute(statement)}


async def ensure_stock(uow: UnitOfWork, skus: Iterable[str]) -> None:
    """Makes an empty stock row where there is none."""
    rows = [{"sku": sku, "on_hand": 0, "available": 0, "reserved": 0} for sku in sorted(skus)]
    await uow.execute(upsert(stock).on_duplicate_key_update(sku=stock.c.sku), rows)


async def move_stock(uow: UnitOfWork, sku: str, delta: Delta) -> None:
    """Only ``book`` calls this, together with the entries that explain it."""
    await uow.execute(
        update(stock)
        .where(stock.c.sku == sku)
        .values(
            on_hand=stock.c.on_hand + delta.on_hand,
            available=stock.c.available + delta.available,
            reserved=stock.c.reserved + delta.reserved,
        )
    )


async def add_entries(uow: UnitOfWork, entries: Sequence[Entry]) -> None:
    """A key that is there already is refused with IntegrityError: the effect was booked before."""
    await uow.execute(_INSERT_ENTRY, [_entry_row(entry) for entry in entries])


async def find_entry(uow: UnitOfWork, key: str) -> Entry | None:
    row = (await uow.execute(select(ledger).where(ledger.c.effect_key == key))).one_or_none()
    if row is None:
        return None
    reason = None if row.reason is None else Reason(row.reason)
    return Entry(row.effect_key, Kind(row.kind), row.sku, row.quantity, row.sale_id, reason)


async def ledger_totals(uow: UnitOfWork, sku: str) -> dict[Kind, int]:
    units = func.sum(ledger.c.quantity).label("units")
    statement = select(ledger.c.kind, units).where(ledger.c.sku == sku).group_by(ledger.c.kind)
    return {Kind(row.kind): int(row.units) for row in await uow.execute(statement)}


async def add_reservation(uow: UnitOfWork, new: Reservation) -> bool:
    """False: there is one for this order already."""
    try:
        await add_reservations(uow, [new])
    except IntegrityError:
        return False
    return True


async def add_reservations(uow: UnitOfWork, new: Sequence[Reservation]) -> None:
    if not new:
        return
    await uow.execute(_INSERT_RESERVATION, [_row_of(r) for r in new])
    lines = [{"reservation_id": r.id, "sku": line.sku, "quantity": line.quantity} for r in new for line in r.lines]
    if lines:
        await uow.execute(_INSERT_LINE, lines)


async def find_reservation(uow: UnitOfWork, order_id: str) -> Reservation | None:
    found = await with_lines(
        uow, list(await uow.execute(select(reservation).where(reservation.c.order_id == order_id)))
    )
    return found[0] if found else None


async def lock_reservation(uow: UnitOfWork, order_id: str) -> Reservation | None:
    statement = select(reservation).where(reservation.c.order_id == order_id).with_for_update()
    found = await with_lines(uow, list(await uow.execute(statement)))
    return found[0] if found else None


async def lock_reservations(uow: UnitOfWork, order_ids: Collection[str]) -> list[Reservation]:
    """Those that there are, locked by ascending id, which the index of the orders does not do."""
    found = await uow.execute(select(reservation.c.id).where(reservation.c.order_id.in_(order_ids)))
    return await _lock(uow, found.scalars().all())


async def lock_held(uow: UnitOfWork, ids: Collection[str]) -> list[Reservation]:
    """Those of them that are still held; what another transaction has locked is left to it."""
    return [r for r in await _lock(uow, ids, skip_locked=True) if r.state is ReservationState.HELD]


async def find_overdue(uow: UnitOfWork, limit: int) -> list[Overdue]:
    """Held reservations whose time is over by the database's clock, the longest overdue first.

    Found without a lock: a locking read of the index keeps entries of rows it skipped locked, and who confirms such a
    row would wait for us while we wait for the sale's row that they have.
    """
    overdue = reservation.c.state == ReservationState.HELD.value, reservation.c.expires_at <= DB_NOW
    columns = reservation.c.id, reservation.c.order_id, reservation.c.sale_id
    rows = await uow.execute(select(*columns).where(*overdue).order_by(reservation.c.expires_at).limit(limit))
    return [Overdue(row.id, row.order_id, row.sale_id) for row in rows]


async def _lock(uow: UnitOfWork, ids: Collection[str], *, skip_locked: bool = False) -> list[Reservation]:
    if not ids:
        return []
    statement = select(reservation).where(reservation.c.id.in_(sorted(ids))).order_by(reservation.c.id)
    locking = statement.with_hint(reservation, "FORCE INDEX (PRIMARY)").with_for_update(skip_locked=skip_locked)
    return await with_lines(uow, list(await uow.execute(locking)))


async def end_reservations(uow: UnitOfWork, ids: Sequence[str], state: ReservationState) -> None:
    await uow.execute(update(reservation).where(reservation.c.id.in_(ids)).values(state=state.value))


async def with_lines(uow: UnitOfWork, rows: Sequence[Row[Any]]) -> list[Reservation]:
    if not rows:
        return []
    lines: dict[str, list[Line]] = {row.id: [] for row in rows}
    for line in await uow.execute(_lines_of(list(lines))):
        lines[line.reservation_id].append(Line(line.sku, line.quantity))
    return [_reservation(row, lines[row.id]) for row in rows]


def _entry_row(entry: Entry) -> dict[str, Any]:
    return {
        "effect_key": entry.key,
        "kind": entry.kind.value,
        "sku": entry.sku,
        "quantity": entry.quantity,
        "sale_id": entry.sale_id,
        "reason": entry.reason,
    }


def _stock(row: Row[Any]) -> Stock:
    return Stock(row.sku, row.on_hand, row.available, row.reserved, row.version)


def _lines_of(ids: Sequence[str]) -> Select[Any]:
    return (
        select(reservation_line)
        .where(reservation_line.c.reservation_id.in_(ids))
        .order_by(reservation_line.c.reservation_id, reservation_line.c.sku)
    )


def _row_of(new: Reservation) -> dict[str, Any]:
    return {
        "id": new.id,
        "order_id": new.order_id,
        "customer_id": new.customer_id,
        "sale_id": new.sale_id,
        "claim_key": new.claim_key,
        "state": new.state.value,
        "expires_at": new.expires_at,
    }


def _reservation(row: Row[Any], lines: Iterable[Line]) -> Reservation:
    return Reservation(
        id=row.id,
        order_id=row.order_id,
        state=ReservationState(row.state),
        expires_at=row.expires_at,
        lines=tuple(lines),
        customer_id=row.customer_id,
        sale_id=row.sale_id,
        claim_key=row.claim_key,
    )
