"""Events whose handling failed, to be tried again. Pods of the release before do not know the table."""

from __future__ import annotations

from alembic import op

from amazonlite.common.data.migrations_common import create_inbox_parked

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    create_inbox_parked(op)


def downgrade() -> None:
    raise NotImplementedError("parked events are never thrown away by going back")
