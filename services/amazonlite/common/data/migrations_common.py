"""Creates the common tables from a service's migration: `create_outbox(op)`. Published SQL never changes here."""

from __future__ import annotations

from typing import Protocol

from amazonlite.common.data.tables import SHARDS

_TABLE = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"

_OUTBOX = f"""
CREATE TABLE outbox (
    seq BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    event_id VARCHAR(64) NOT NULL,
    shard TINYINT UNSIGNED NOT NULL,
    aggregate_id VARCHAR(128) NOT NULL,
    topic VARCHAR(128) NOT NULL,
    payload MEDIUMBLOB NOT NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    UNIQUE KEY event_id (event_id)
) {_TABLE}
"""

_OUTBOX_PENDING = f"""
CREATE TABLE outbox_pending (
    shard TINYINT UNSIGNED NOT NULL,
    seq BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (shard, seq)
) {_TABLE}
"""

_OUTBOX_HELD = f"""
CREATE TABLE outbox_held (
    aggregate_id VARCHAR(128) NOT NULL,
    seq BIGINT UNSIGNED NOT NULL,
    shard TINYINT UNSIGNED NOT NULL,
    attempts SMALLINT NOT NULL DEFAULT 0,
    poisoned TINYINT UNSIGNED NOT NULL DEFAULT 0,
    retry_at DATETIME(6) NULL,
    last_error VARCHAR(500) NOT NULL DEFAULT '',
    PRIMARY KEY (aggregate_id, seq),
    KEY outbox_held_by_retry (shard, retry_at)
) {_TABLE}
"""

_OUTBOX_SHARD = f"""
CREATE TABLE outbox_shard (
    shard TINYINT UNSIGNED NOT NULL PRIMARY KEY,
    owner VARCHAR(64) NOT NULL DEFAULT '',
    fence BIGINT UNSIGNED NOT NULL DEFAULT 0,
    expires_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
) {_TABLE}
"""

_OUTBOX_RELAY = f"""
CREATE TABLE outbox_relay (
    owner VARCHAR(64) NOT NULL PRIMARY KEY,
    expires_at DATETIME(6) NOT NULL
) {_TABLE}
"""

_INBOX = f"""
CREATE TABLE inbox (
    consumer VARCHAR(64) NOT NULL,
    event_id VARCHAR(64) NOT NULL,
    received_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (consumer, event_id),
    KEY inbox_by_time (received_at)
) {_TABLE}
"""

_INBOX_PARKED = f"""
CREATE TABLE inbox_parked (
    seq BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    consumer VARCHAR(64) NOT NULL,
    event_id VARCHAR(64) NOT NULL,
    queue VARCHAR(160) NOT NULL,
    topic VARCHAR(128) NOT NULL,
    from_partition INT NOT NULL,
    from_offset BIGINT NOT NULL,
    message_key MEDIUMBLOB NOT NULL,
    value MEDIUMBLOB NOT NULL,
    headers MEDIUMBLOB NOT NULL,
    tries SMALLINT NOT NULL DEFAULT 0,
    due_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    last_error VARCHAR(200) NOT NULL DEFAULT '',
    parked_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    UNIQUE KEY inbox_parked_once (consumer, event_id),
    KEY inbox_parked_by_queue (consumer, queue, seq),
    KEY inbox_parked_by_time (consumer, due_at)
) {_TABLE}
"""

_IDEMPOTENCY = f"""
CREATE TABLE idempotency (
    scope VARCHAR(64) NOT NULL,
    idempotency_key VARCHAR(200) NOT NULL,
    fingerprint VARCHAR(64) NOT NULL,
    attempt VARCHAR(64) NOT NULL,
    leased_until DATETIME(6) NOT NULL,
    status SMALLINT NULL,
    body MEDIUMBLOB NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (scope, idempotency_key),
    KEY idempotency_by_time (created_at)
) {_TABLE}
"""


class Operations(Protocol):
    """What is used of `alembic.op`."""

    def execute(self, sqltext: str) -> None: ...


def create_outbox(op: Operations) -> None:
    for statement in (_OUTBOX, _OUTBOX_PENDING, _OUTBOX_HELD, _OUTBOX_SHARD, _OUTBOX_RELAY):
        op.execute(statement)
    shards = ", ".join(f"({shard})" for shard in range(SHARDS))
    op.execute(f"INSERT INTO outbox_shard (shard) VALUES {shards}")  # noqa: S608 - our own integers


def create_inbox(op: Operations) -> None:
    op.execute(_INBOX)


def create_inbox_parked(op: Operations) -> None:
    op.execute(_INBOX_PARKED)


def create_idempotency(op: Operations) -> None:
    op.execute(_IDEMPOTENCY)
