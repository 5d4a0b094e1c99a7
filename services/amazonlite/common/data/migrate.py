"""`python -m amazonlite.common.data.migrate <service>` brings a service's schema to its newest revision.

Waits for the database, then holds a named lock in it: two replicas starting at once migrate one after the other.
"""

from __future__ import annotations

import sys
import time
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

from amazonlite.common.core.settings import MysqlSettings

WAIT_SECONDS = 120.0


class DatabaseNeverCame(Exception):
    """The database refused every connection until the deadline; its last answer is the message."""


def upgrade(service: str, mysql: MysqlSettings, *, wait_seconds: float = WAIT_SECONDS) -> str:
    """The revision the schema is at afterwards."""
    deadline = time.monotonic() + wait_seconds
    engine = create_engine(_url(mysql), poolclass=NullPool, connect_args={"connect_timeout": 5})
    with _connected(engine, deadline) as connection:
        lock = {"name": f"migrate-{mysql.database}", "seconds": int(max(1.0, deadline - time.monotonic()))}
        if connection.scalar(text("SELECT GET_LOCK(:name, :seconds)"), lock) != 1:
            raise DatabaseNeverCame("another replica has held the migration lock until the deadline")
        try:
            return _upgrade(service, connection)
        finally:
            connection.scalar(text("SELECT RELEASE_LOCK(:name)"), lock)


def _upgrade(service: str, connection: Connection) -> str:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(files(__package__) / "alembic"))
    config.set_main_option("version_locations", str(files(f"amazonlite.{service}") / "migrations" / "versions"))
    config.set_main_option("path_separator", "newline")
    command.upgrade(config, "head")
    connection.commit()
    return ScriptDirectory.from_config(config).get_current_head() or ""


def _connected(engine: Engine, deadline: float) -> Connection:
    while True:
        try:
            return engine.connect()
        # Refused logins count too: the accounts are made after the server first answers.
        except OperationalError as error:
            if time.monotonic() > deadline:
                raise DatabaseNeverCame(str(error.orig)) from error
            print(f"waiting for the database: {error.orig}", flush=True)
            time.sleep(1)


def _url(mysql: MysqlSettings) -> URL:
    return URL.create(
        "mysql+pymysql",
        username=mysql.migrate_user or mysql.user,
        password=mysql.migrate_password or mysql.password,
        host=mysql.host,
        port=mysql.port,
        database=mysql.database,
        query={"charset": "utf8mb4"},
    )


def main() -> None:
    service = sys.argv[1]
    try:
        revision = upgrade(service, MysqlSettings())
    except DatabaseNeverCame as error:
        sys.exit(f"{service}: not migrated: {error}")
    print(f"{service}: schema is at {revision}", flush=True)


if __name__ == "__main__":
    main()
