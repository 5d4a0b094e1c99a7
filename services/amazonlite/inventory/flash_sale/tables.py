"""The tables of sales, as the queries know them; the migration says the rest."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Integer, String, Table
from sqlalchemy.dialects.mysql import BIGINT

from amazonlite.common.data.columns import UtcDateTime
from amazonlite.inventory.store import metadata

flash_sale = Table(
    "flash_sale",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("fingerprint", String(64)),
    Column("name", String(128)),
    Column("sku", String(64)),
    Column("open_sku", String(64)),
    Column("price_amount", BIGINT),
    Column("price_currency", String(3)),
    Column("starts_at", UtcDateTime()),
    Column("ends_at", UtcDateTime()),
    Column("per_customer_limit", Integer),
    Column("hold_seconds", Integer),
    Column("pre_queue_seconds", Integer),
    Column("max_active", Integer),
    Column("rate_per_second", Double),
    Column("admission_order", String(8)),
    Column("rehearsal", Boolean),
    Column("quantity", BIGINT),
    Column("allocated", BIGINT),
    Column("free", BIGINT),
    Column("held", BIGINT),
    Column("sold", BIGINT),
    Column("returned", BIGINT),
    Column("state", String(12)),
    Column("version", Integer),
    Column("fence", BIGINT),
    Column("last_step", String(200)),
    Column("closed_at", UtcDateTime()),
    Column("settled_at", UtcDateTime()),
)
sale_turnout = Table(
    "sale_turnout",
    metadata,
    Column("sale_id", String(64), primary_key=True),
    Column("admitted", BIGINT),
    Column("rejected", BIGINT),
)
