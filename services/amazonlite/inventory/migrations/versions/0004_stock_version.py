"""A stock has a version, which only grows: with each change of its counters, whoever makes it, pods of before included.

It is 0 for a SKU whose stock never moved, and for no other.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

COLUMN = "ALTER TABLE stock ADD COLUMN version BIGINT UNSIGNED NOT NULL DEFAULT 0"
HAS_COLUMN = """
SELECT COUNT(*) FROM information_schema.columns
WHERE table_schema = DATABASE() AND table_name = 'stock' AND column_name = 'version'
"""

GROWS = """
CREATE TRIGGER stock_version_grows BEFORE UPDATE ON stock FOR EACH ROW
SET NEW.version = IF(
    NEW.on_hand <> OLD.on_hand OR NEW.available <> OLD.available OR NEW.reserved <> OLD.reserved,
    OLD.version + 1, GREATEST(OLD.version, NEW.version))
"""

MOVED_BEFORE = """
UPDATE stock SET version = 1 WHERE version = 0 AND EXISTS (SELECT 1 FROM ledger WHERE ledger.sku = stock.sku)
"""
# Each of the first two commits by itself, so that a migration that was cut off after one has to pass over it; and rows
# of the ledger are read without locks that sales would wait for.
READ_COMMITTED = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"


def upgrade() -> None:
    if not op.get_bind().exec_driver_sql(HAS_COLUMN).scalar():
        op.execute(COLUMN)
    op.execute("DROP TRIGGER IF EXISTS stock_version_grows")
    for statement in (GROWS, READ_COMMITTED, MOVED_BEFORE):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("stock and its ledger are never thrown away by going back")
