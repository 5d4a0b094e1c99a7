"""What Alembic runs for each of our schemas: the revisions, on the connection that `migrate` has locked."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
