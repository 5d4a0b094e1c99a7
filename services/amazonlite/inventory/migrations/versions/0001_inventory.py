"""Stock, reservations, the append-only ledger and flash sales, with the outbox and inbox tables."""

from __future__ import annotations

from alembic import op

from amazonlite.common.data.migrations_common import create_inbox, create_outbox

revision = "0001"
down_revision = None

TABLE = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"

STOCK = f"""
CREATE TABLE stock (
    sku VARCHAR(64) NOT NULL PRIMARY KEY,
    on_hand BIGINT NOT NULL DEFAULT 0,
    available BIGINT NOT NULL DEFAULT 0,
    reserved BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT stock_adds_up CHECK (on_hand = available + reserved),
    CONSTRAINT stock_is_there CHECK (available >= 0 AND reserved >= 0)
) {TABLE}
"""

RESERVATION = f"""
CREATE TABLE reservation (
    id VARCHAR(40) NOT NULL PRIMARY KEY,
    order_id VARCHAR(64) NOT NULL,
    customer_id VARCHAR(64) NOT NULL DEFAULT '',
    sale_id VARCHAR(64) NULL,
    claim_key VARCHAR(40) NULL,
    state VARCHAR(12) NOT NULL,
    expires_at DATETIME(6) NOT NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    UNIQUE KEY reservation_order (order_id),
    UNIQUE KEY reservation_claim (claim_key),
    KEY reservation_of_customer (sale_id, customer_id),
    KEY reservation_in_state (sale_id, state),
    KEY reservation_to_expire (state, expires_at)
) {TABLE}
"""

RESERVATION_LINE = f"""
CREATE TABLE reservation_line (
    reservation_id VARCHAR(40) NOT NULL,
    sku VARCHAR(64) NOT NULL,
    quantity INT NOT NULL,
    PRIMARY KEY (reservation_id, sku),
    CONSTRAINT line_is_some CHECK (quantity > 0)
) {TABLE}
"""

LEDGER = f"""
CREATE TABLE ledger (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    effect_key VARCHAR(160) NOT NULL,
    kind VARCHAR(12) NOT NULL,
    sku VARCHAR(64) NOT NULL,
    quantity BIGINT NOT NULL,
    sale_id VARCHAR(64) NULL,
    at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    UNIQUE KEY ledger_effect (effect_key),
    KEY ledger_of_sku (sku, kind, quantity),
    KEY ledger_of_sale (sale_id, kind, quantity)
) {TABLE}
"""

FLASH_SALE = f"""
CREATE TABLE flash_sale (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    fingerprint VARCHAR(64) NOT NULL,
    name VARCHAR(128) NOT NULL,
    sku VARCHAR(64) NOT NULL,
    open_sku VARCHAR(64) NULL,
    price_amount BIGINT NOT NULL,
    price_currency CHAR(3) NOT NULL,
    starts_at DATETIME(6) NOT NULL,
    ends_at DATETIME(6) NOT NULL,
    per_customer_limit INT NOT NULL,
    hold_seconds INT NOT NULL,
    pre_queue_seconds INT NOT NULL DEFAULT 0,
    max_active INT NOT NULL,
    rate_per_second DOUBLE NOT NULL,
    admission_order VARCHAR(8) NOT NULL,
    rehearsal BOOLEAN NOT NULL,
    quantity BIGINT NOT NULL,
    allocated BIGINT NOT NULL DEFAULT 0,
    free BIGINT NOT NULL DEFAULT 0,
    held BIGINT NOT NULL DEFAULT 0,
    sold BIGINT NOT NULL DEFAULT 0,
    returned BIGINT NOT NULL DEFAULT 0,
    state VARCHAR(12) NOT NULL,
    version INT NOT NULL DEFAULT 1,
    fence BIGINT NOT NULL,
    last_step VARCHAR(200) NOT NULL,
    closed_at DATETIME(6) NULL,
    settled_at DATETIME(6) NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    UNIQUE KEY sale_open_sku (open_sku),
    KEY sale_by_closing (closed_at),
    CONSTRAINT sale_adds_up CHECK (allocated = free + held + sold),
    CONSTRAINT sale_is_there CHECK (free >= 0 AND held >= 0 AND sold >= 0 AND returned >= 0)
) {TABLE}
"""

SALE_TURNOUT = f"""
CREATE TABLE sale_turnout (
    sale_id VARCHAR(64) NOT NULL PRIMARY KEY,
    admitted BIGINT NOT NULL,
    rejected BIGINT NOT NULL
) {TABLE}
"""

APPEND_ONLY = """
CREATE TRIGGER ledger_no_{verb} BEFORE {verb} ON ledger FOR EACH ROW
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the ledger is append-only'
"""


def upgrade() -> None:
    for statement in (STOCK, RESERVATION, RESERVATION_LINE, LEDGER, FLASH_SALE, SALE_TURNOUT):
        op.execute(statement)
    for verb in ("UPDATE", "DELETE"):
        op.execute(APPEND_ONLY.format(verb=verb))
    create_outbox(op)
    create_inbox(op)


def downgrade() -> None:
    raise NotImplementedError("stock and its ledger are never thrown away by going back")
