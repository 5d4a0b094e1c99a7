"""The tables every service may include in its own MetaData; `migrations_common` creates the same in the database."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, MetaData, SmallInteger, String, Table, text
from sqlalchemy.dialects.mysql import BIGINT, MEDIUMBLOB, TINYINT

from amazonlite.common.data.columns import UtcDateTime

SHARDS = 16

_NOW = text("CURRENT_TIMESTAMP(6)")


def outbox_table(metadata: MetaData) -> Table:
    """Events, written with the state they tell of and never changed. An aggregate's follow each other by `seq`,
    because whoever writes one holds the aggregate's row."""
    return Table(
        "outbox",
        metadata,
        Column("seq", BIGINT(unsigned=True), primary_key=True, autoincrement=True),
        Column("event_id", String(64), nullable=False, unique=True),
        Column("shard", TINYINT(unsigned=True), nullable=False),
        Column("aggregate_id", String(128), nullable=False),
        Column("topic", String(128), nullable=False),
        Column("payload", MEDIUMBLOB, nullable=False),
        Column("created_at", UtcDateTime(), nullable=False, server_default=_NOW),
    )


def outbox_pending_table(metadata: MetaData) -> Table:
    """The events not yet sent: sending one deletes it here, so that finding the next never passes over sent ones."""
    return Table(
        "outbox_pending",
        metadata,
        Column("shard", TINYINT(unsigned=True), primary_key=True, autoincrement=False),
        Column("seq", BIGINT(unsigned=True), primary_key=True, autoincrement=False),
    )


def outbox_held_table(metadata: MetaData) -> Table:
    """The events of aggregates whose oldest unsent one was refused. That oldest has a `retry_at` or is `poisoned`.

    To send a poisoned one again set `attempts` and `poisoned` to 0 and `retry_at` to now; to give it up delete its row.
    """
    return Table(
        "outbox_held",
        metadata,
        Column("aggregate_id", String(128), primary_key=True),
        Column("seq", BIGINT(unsigned=True), primary_key=True, autoincrement=False),
        Column("shard", TINYINT(unsigned=True), nullable=False),
        Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
        Column("poisoned", TINYINT(unsigned=True), nullable=False, server_default=text("0")),
        Column("retry_at", UtcDateTime()),
        Column("last_error", String(500), nullable=False, server_default=text("''")),
        Index("outbox_held_by_retry", "shard", "retry_at"),
    )


def outbox_shard_table(metadata: MetaData) -> Table:
    """Who may send a shard's events, until when by the database's clock; `fence` grows with every new owner."""
    return Table(
        "outbox_shard",
        metadata,
        Column("shard", TINYINT(unsigned=True), primary_key=True, autoincrement=False),
        Column("owner", String(64), nullable=False, server_default=text("''")),
        Column("fence", BIGINT(unsigned=True), nullable=False, server_default=text("0")),
        Column("expires_at", UtcDateTime(), nullable=False, server_default=_NOW),
    )


def outbox_relay_table(metadata: MetaData) -> Table:
    """The relays alive, so that each knows its fair share of the shards even while it owns none."""
    return Table(
        "outbox_relay",
        metadata,
        Column("owner", String(64), primary_key=True),
        Column("expires_at", UtcDateTime(), nullable=False),
    )


def inbox_table(metadata: MetaData) -> Table:
    """The events a consumer has taken effect of."""
    return Table(
        "inbox",
        metadata,
        Column("consumer", String(64), primary_key=True),
        Column("event_id", String(64), primary_key=True),
        Column("received_at", UtcDateTime(), nullable=False, server_default=_NOW),
        Index("inbox_by_time", "received_at"),
    )


def inbox_parked_table(metadata: MetaData) -> Table:
    """The messages a consumer put off because handling them failed, and what of their key came after them.

    `queue` stands for the key. Of a queue the lowest `seq` is tried first, when it is due, and the others wait behind
    it. To try one at once set `due_at` to now; to give it up delete its row, and set `due_at` of the rest of its queue
    to now.
    """
    return Table(
        "inbox_parked",
        metadata,
        Column("seq", BIGINT(unsigned=True), primary_key=True, autoincrement=True),
        Column("consumer", String(64), nullable=False),
        Column("event_id", String(64), nullable=False),
        Column("queue", String(160), nullable=False),
        Column("topic", String(128), nullable=False),
        Column("from_partition", Integer, nullable=False),
        Column("from_offset", BIGINT, nullable=False),
        Column("message_key", MEDIUMBLOB, nullable=False),
        Column("value", MEDIUMBLOB, nullable=False),
        Column("headers", MEDIUMBLOB, nullable=False),
        Column("tries", SmallInteger, nullable=False, server_default=text("0")),
        Column("due_at", UtcDateTime(), nullable=False, server_default=_NOW),
        Column("last_error", String(200), nullable=False, server_default=text("''")),
        Column("parked_at", UtcDateTime(), nullable=False, server_default=_NOW),
        Index("inbox_parked_once", "consumer", "event_id", unique=True),
        Index("inbox_parked_by_queue", "consumer", "queue", "seq"),
        Index("inbox_parked_by_time", "consumer", "due_at"),
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
        Column("leased_until", UtcDateTime(), nullable=False),
        Column("status", SmallInteger),
        Column("body", MEDIUMBLOB),
        Column("created_at", UtcDateTime(), nullable=False, server_default=_NOW),
        Index("idempotency_by_time", "created_at"),
    )
