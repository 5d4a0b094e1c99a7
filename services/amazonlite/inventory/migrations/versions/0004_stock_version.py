"""A stock has a version, which only grows: with each change of its counters, whoever makes it, pods of before included.

It is 0 for a SKU whose stock never moved, and for no other.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

COLUMN = "ALTER TABLE stock ADD COLUMN version BIGINT UNSIGNED NOT NULL DEFAULT 0"

GROWS = """
CREATE TRIGGER stock_version_grows BEFORE UPDATE ON stock FOR EACH ROW
SET NEW.version = IF(
    NEW.on_hand <> OLD.on_hand OR NEW.available <> OLD.available OR NEW.reserved <> OLD.reserved,
    OLD.version + 1, GREATEST(OLD.version, NEW.version))
"""

MOVED_BEFORE = """
UPDATE stock SET version = version + 1 WHERE sku IN (SELECT sku FROM (SELECT DISTINCT sku FROM ledger) AS moved)
"""


def upgrade() -> None:
    for statement in (COLUMN, GROWS, MOVED_BEFORE):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("stock and its ledger are never thrown away by going back")
