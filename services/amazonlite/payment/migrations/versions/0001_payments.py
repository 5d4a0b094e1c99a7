"""Payment intents, one an order, and the simulated provider's charges, with the common tables."""

from __future__ import annotations

from alembic import op

from amazonlite.common.data.migrations_common import create_idempotency, create_inbox, create_outbox

revision = "0001"
down_revision = None

PAYMENT_INTENT = """
CREATE TABLE payment_intent (
    payment_id VARCHAR(64) NOT NULL PRIMARY KEY,
    order_id VARCHAR(64) NOT NULL,
    customer_id VARCHAR(64) NOT NULL,
    sale_id VARCHAR(64) NULL,
    state VARCHAR(24) NOT NULL,
    amount BIGINT NOT NULL,
    currency CHAR(3) NOT NULL,
    method VARCHAR(24) NULL,
    confirm_key VARCHAR(200) NOT NULL DEFAULT '',
    reason VARCHAR(200) NOT NULL DEFAULT '',
    wanted VARCHAR(8) NULL,
    due_at DATETIME(6) NULL,
    attempts INT UNSIGNED NOT NULL DEFAULT 0,
    pay_before DATETIME(6) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    UNIQUE KEY payment_of_order (order_id),
    KEY payments_due (due_at),
    KEY payments_of_sale (sale_id, state, currency, amount)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
"""

ORDER_SLOT = """
CREATE TABLE order_slot (
    order_id VARCHAR(64) NOT NULL PRIMARY KEY,
    payment_id VARCHAR(64) NULL,
    taken_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
"""

PROVIDER_CHARGE = """
CREATE TABLE provider_charge (
    charge_key VARCHAR(64) NOT NULL PRIMARY KEY,
    amount BIGINT NOT NULL DEFAULT 0,
    currency VARCHAR(3) NOT NULL DEFAULT '',
    method VARCHAR(24) NOT NULL DEFAULT '',
    state VARCHAR(16) NOT NULL,
    reason VARCHAR(200) NOT NULL DEFAULT '',
    due_at DATETIME(6) NULL,
    KEY charges_due (due_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
"""


def upgrade() -> None:
    for statement in (PAYMENT_INTENT, ORDER_SLOT, PROVIDER_CHARGE):
        op.execute(statement)
    create_outbox(op)
    create_inbox(op)
    create_idempotency(op)


def downgrade() -> None:
    raise NotImplementedError("payments are never thrown away by going back")
