"""The tables every service may include in its own MetaData; `migrations_common` creates the same in the database."""

from __future__ import annotations

from sqlalchemy import Column, Index, MetaData, SmallInteger, String, Table, text
from sqlalchemy.dialects.mysql import BIGINT, DATETIME, MEDIUMBLOB, TINYINT

SHARDS = 16

PENDING = 0
SENT = 1
POISONED = 2

_NOW = text("CURRENT_TIMESTAMP(6)")


def outbox_table(metadata: MetaData) -> Table:
    """Events written with the state they tell of. `seq` orders an aggregate's events, since its row lock is held."""
    return Table(
        "outbox",
        metadata,
        Column("seq", BIGINT(unsigned=True), primary_key=True, autoincrement=True),
        Column("event_id", String(64), nullable=False, unique=True),
        Column("shard", TINYINT(unsigned=True), nullable=False),
        Column("aggregate_id", String(128), nullable=False),
        Column("topic", String(128), nullable=False),
        Column("payload", MEDIUMBLOB, nullable=False),
        Column("state", TINYINT(unsigned=True), nullable=False, server_default=text("0")),
        Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
        Column("last_error", String(500), nullable=False, server_default=text("''")),
        Column("created_at", DATETIME(fsp=6), nullable=False, server_default=_NOW),
        Column("sent_at", DATETIME(fsp=6)),
        # Unsent rows are one short range of this index, however many sent ones lie behind them.
        Index("outbox_by_state", "state", "seq", "shard"),
    )


def outbox_shard_table(metadata: MetaData) -> Table:
    """Who may send a shard's events, until when by the database's clock; `fence` grows with every new owner."""
    return Table(
        "outbox_shard",
        metadata,
        Column("shard", TINYINT(unsigned=True), primary_key=True, autoincrement=False),
        Column("owner", String(64), nullable=False, server_default=text("''")),
        Column("fence", BIGINT(unsigned=True), nullable=False, server_default=text("0")),
        Column("expires_at", DATETIME(fsp=6), nullable=False, server_default=_NOW),
    )


def outbox_relay_table(metadata: MetaData) -> Table:
    """The relays alive, so that each knows its fair share of the shards even while it owns none."""
    return Table(
        "outbox_relay",
        metadata,
        Column("owner", String(64), primary_key=True),
        Column("expires_at", DATETIME(fsp=6), nullable=False),
    )


def inbox_table(metadata: MetaData) -> Table:
    """The events a consumer has taken effect of."""
    return Table(
        "inbox",
        metadata,
        Column("consumer", String(64), primary_key=True),
        Column("event_id", String(64), primary_key=True),
        Column("received_at", DATETIME(fsp=6), nullable=False, server_default=_NOW),
        Index("inbox_by_time", "received_at"),
    )


def idempotency_table(metadata: MetaData) -> Table:
    """Answers by key; a row without `status` is an attempt in flight, whose lease ends at `leased_until`."""
    return Table(
        "idempotency",
        metadata,
        Column("scope", String(64), primary_key=True),
        Column("idempotency_key", String(200), primary_key=True),
        Column("fingerprint", String(64), nullable=False),
        Column("attempt", String(64), nullable=False),
        Column("leased_until", DATETIME(fsp=6), nullable=False),
        Column("status", SmallInteger),
        Column("body", MEDIUMBLOB),
        Column("created_at", DATETIME(fsp=6), nullable=False, server_default=_NOW),
        Index("idempotency_by_time", "created_at"),
    )
