"""A payment keeps its declined attempts, so that another method can follow, and since when it is as it is.

Pods of before write neither column: an order that they decline is over at its first card, as it was.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

COLUMNS = """
ALTER TABLE payment_intent
    ADD COLUMN declined JSON NULL,
    ADD COLUMN changed_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    ADD KEY payments_by_state (state, changed_at)
"""


def upgrade() -> None:
    op.execute(COLUMNS)


def downgrade() -> None:
    raise NotImplementedError("payments are never thrown away by going back")
