"""The tables as created by migrations are the tables as the code knows them."""

from __future__ import annotations

import pytest
from sqlalchemy import MetaData, create_engine, inspect

from amazonlite.common.core.settings import MysqlSettings
from amazonlite.common.data import tables
from amazonlite.common.data.migrate import DatabaseNeverCame, upgrade
from amazonlite.common.testing.stores import root_cursor
from amazonlite_cli.deploy.services import having

pytestmark = pytest.mark.stores

MAKERS = [
    tables.outbox_table,
    tables.outbox_pending_table,
    tables.outbox_held_table,
    tables.outbox_shard_table,
    tables.outbox_relay_table,
    tables.inbox_table,
    tables.inbox_parked_table,
    tables.idempotency_table,
]


def test_each_table_has_the_columns_and_key_the_code_knows(common_mysql: MysqlSettings) -> None:
    url = (
        f"mysql+pymysql://root:{common_mysql.password}@{common_mysql.host}:{common_mysql.port}/{common_mysql.database}"
    )
    found = inspect(create_engine(url))
    for make in MAKERS:
        known = make(MetaData())
        columns = {column["name"]: column["nullable"] for column in found.get_columns(known.name)}
        assert columns == {column.name: bool(column.nullable) for column in known.columns}, known.name
        assert found.get_pk_constraint(known.name)["constrained_columns"] == [key.name for key in known.primary_key]
        names = {index["name"] for index in found.get_indexes(known.name)}
        assert {index.name for index in known.indexes} <= names, known.name


@pytest.mark.parametrize("service", sorted(having("database")))
def test_a_migration_run_twice_changes_nothing(mysql_for: object, service: str) -> None:
    mysql = mysql_for(service)  # type: ignore[operator]
    assert upgrade(service, mysql, wait_seconds=5) == upgrade(service, mysql, wait_seconds=5)


def test_a_migration_that_was_cut_off_before_its_end_goes_on(mysql_for: object) -> None:
    """Its column and trigger are there, each by a commit of its own, and that it was run is not written down."""
    mysql = mysql_for("inventory")  # type: ignore[operator]
    with root_cursor(mysql.database) as cursor:
        cursor.execute("INSERT INTO stock (sku, on_hand, available, reserved, version) VALUES ('A', 2, 2, 0, 7)")
        cursor.execute("UPDATE alembic_version SET version_num = '0003'")
    upgrade("inventory", mysql, wait_seconds=5)
    with root_cursor(mysql.database) as cursor:
        cursor.execute("SELECT version FROM stock")
        assert cursor.fetchall() == ((7,),)


def test_a_database_that_never_comes_is_reported(common_mysql: MysqlSettings) -> None:
    with pytest.raises(DatabaseNeverCame):
        upgrade("order", common_mysql.model_copy(update={"port": 1}), wait_seconds=0)
