from __future__ import annotations

import pytest
from pydantic import ValidationError

from amazonlite.common.core.settings import AuthClientSettings, KafkaSettings, MysqlSettings, RedisSettings


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "MYSQL_HOST": "db",
        "MYSQL_PORT": "3307",
        "MYSQL_DATABASE": "orders",
        "MYSQL_USER": "order",
        "MYSQL_PASSWORD": "secret",
        "AUTH_URL": "http://auth",
        "AUTH_CLIENT_ID": "order",
        "AUTH_CLIENT_SECRET": "s",
        "KAFKA_BOOTSTRAP": "kafka:1",
        "POD_NAME": "order-0",
    }.items():
        monkeypatch.setenv(name, value)
    mysql = MysqlSettings()
    assert (mysql.host, mysql.port, mysql.database, mysql.user, mysql.password) == (
        "db",
        3307,
        "orders",
        "order",
        "secret",
    )
    assert AuthClientSettings().client_id == "order"
    assert (KafkaSettings().bootstrap, KafkaSettings().instance) == ("kafka:1", "order-0")


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    with pytest.raises(ValidationError, match="url"):
        RedisSettings()


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(MysqlSettings(database="orders", password="secret", migrate_password="secret"))
    assert "secret" not in repr(RedisSettings(url="redis://user:secret@redis"))
