"""Orders and their append-only timelines, with the outbox, inbox and idempotency tables."""

from __future__ import annotations

from alembic import op

from amazonlite.common.data.migrations_common import create_idempotency, create_inbox, create_outbox

revision = "0001"
down_revision = None

ORDERS = """
CREATE TABLE orders (
    order_id VARCHAR(64) NOT NULL PRIMARY KEY,
    customer_id VARCHAR(64) NOT NULL,
    state VARCHAR(16) NOT NULL,
    version INT UNSIGNED NOT NULL,
    reason VARCHAR(200) NOT NULL DEFAULT '',
    sale_id VARCHAR(64) NULL,
    reservation_id VARCHAR(64) NULL,
    payment_id VARCHAR(64) NULL,
    order_lines JSON NOT NULL,
    units INT UNSIGNED NOT NULL,
    total_amount BIGINT NOT NULL,
    currency CHAR(3) NOT NULL,
    pay_before DATETIME(6) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    KEY orders_of_customer (customer_id, created_at, order_id),
    KEY orders_to_time_out (state, pay_before),
    KEY orders_of_sale (sale_id, state, units)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
"""

ORDER_EVENT = """
CREATE TABLE order_event (
    order_id VARCHAR(64) NOT NULL,
    seq INT UNSIGNED NOT NULL,
    state VARCHAR(16) NULL,
    applied BOOLEAN NOT NULL,
    at DATETIME(6) NOT NULL,
    cause VARCHAR(64) NOT NULL,
    cause_event_id VARCHAR(64) NOT NULL,
    reason VARCHAR(200) NOT NULL,
    PRIMARY KEY (order_id, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
"""


def upgrade() -> None:
    for statement in (ORDERS, ORDER_EVENT):
        op.execute(statement)
    create_outbox(op)
    create_inbox(op)
    create_idempotency(op)


def downgrade() -> None:
    raise NotImplementedError("orders are never thrown away by going back")
