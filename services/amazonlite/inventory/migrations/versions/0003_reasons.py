"""An adjustment of stock keeps its reason. Pods of before write none."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE ledger ADD COLUMN reason VARCHAR(16) NULL")


def downgrade() -> None:
    raise NotImplementedError("the ledger is never thrown away by going back")
