"""Stock and its ledger in MariaDB/MySQL.

Locks are taken in one order, so that no two transactions wait for each other: reservations, then sales, then stock,
each by ascending key.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Column, MetaData, Row, String, Table, func, insert, select, text, update
from sqlalchemy.dialects.mysql import BIGINT
from sqlalchemy.dialects.mysql import insert as upsert

from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.inventory.stock.domain import Delta, Entry, EntryKind, Reason, Stock

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
    return Entry(row.effect_key, EntryKind(row.kind), row.sku, row.quantity, row.sale_id, reason)


async def ledger_totals(uow: UnitOfWork, sku: str) -> dict[EntryKind, int]:
    units = func.sum(ledger.c.quantity).label("units")
    statement = select(ledger.c.kind, units).where(ledger.c.sku == sku).group_by(ledger.c.kind)
    return {EntryKind(row.kind): int(row.units) for row in await uow.execute(statement)}


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
