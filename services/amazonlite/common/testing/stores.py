"""Real store servers for tests, by address from the environment. Each test gets names of its own and cleans up."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pymysql
import redis
from kafka.admin import KafkaAdminClient
from pymysql.cursors import Cursor

from amazonlite.common.core.settings import KafkaSettings, MongoSettings, MysqlSettings
from amazonlite.common.data import migrate, migrations_common
from amazonlite.common.events.provision import provision
from amazonlite.common.events.topics import Topic, dlq_of


class StoreAddressMissing(Exception):
    """A test needs a real store and its address is not in the environment; `make test` sets them all."""


def address(name: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise StoreAddressMissing(f"{name} is not set: start the test stores (make test does) or export it") from None


def suffix() -> str:
    return secrets.token_hex(5)


def create_database(service: str) -> MysqlSettings:
    """A scratch database with the service's schema, to be given to `drop_database` afterwards."""
    mysql = create_empty_database(service)
    migrate.upgrade(service, mysql, wait_seconds=10)
    return mysql


def create_common_database() -> MysqlSettings:
    """A scratch database with the tables every service may have."""
    mysql = create_empty_database("common")
    with root_cursor(mysql.database) as cursor:
        for create in (
            migrations_common.create_outbox,
            migrations_common.create_inbox,
            migrations_common.create_inbox_parked,
            migrations_common.create_idempotency,
        ):
            create(_Operations(cursor))
    return mysql


def drop_database(mysql: MysqlSettings) -> None:
    with root_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS `{mysql.database}`")


def kafka_settings() -> KafkaSettings:
    """The account of TEST_KAFKA_USER may do everything; without one the broker asks nobody who they are."""
    user, password = (os.environ.get(f"TEST_KAFKA_{name}", "") for name in ("USER", "PASSWORD"))
    return KafkaSettings(bootstrap=address("TEST_KAFKA"), user=user, password=password)


@contextmanager
def kafka_topics(*names: str) -> Iterator[list[str]]:
    """Topics of these names with a random ending, and their dead letter topics, deleted afterwards."""
    topics = [Topic(f"{name}.test-{suffix()}", "test", "a test") for name in names]
    provision(kafka_settings(), topics, wait_seconds=10)
    try:
        yield [topic.name for topic in topics]
    finally:
        delete_topics([name for topic in topics for name in (topic.name, dlq_of(topic.name))])


def independent_client(kafka: KafkaSettings) -> dict[str, Any]:
    """For kafka-python, by which tests look at what our own client has sent."""
    if not kafka.user:
        return {"bootstrap_servers": kafka.bootstrap}
    return {
        "bootstrap_servers": kafka.bootstrap,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": kafka.mechanism,
        "sasl_plain_username": kafka.user,
        "sasl_plain_password": kafka.password,
    }


def delete_topics(names: list[str]) -> None:
    admin = KafkaAdminClient(**independent_client(kafka_settings()))
    admin.delete_topics(names)
    admin.close()


def mongo_settings() -> MongoSettings:
    return MongoSettings(url=address("TEST_MONGO_URL"), database=f"test_{suffix()}")


@contextmanager
def redis_database() -> Iterator[str]:
    """The URL of a numbered database nobody else holds; number 0 keeps who holds which."""
    url = urlsplit(address("TEST_REDIS_URL"))
    numbers = random.sample(range(1, 16), 15)
    with redis.Redis.from_url(url._replace(path="/0").geturl()) as registry:
        taken = next((n for n in numbers if registry.set(f"test:database:{n}", os.getpid(), nx=True, ex=600)), None)
        if taken is None:
            raise StoreAddressMissing("all 15 Redis databases for tests are taken; each comes free within 10 minutes")
        own = url._replace(path=f"/{taken}").geturl()
        with redis.Redis.from_url(own) as client:
            client.flushdb()
            try:
                yield own
            finally:
                client.flushdb()
                registry.delete(f"test:database:{taken}")


@contextmanager
def root_cursor(database: str | None = None) -> Iterator[Cursor]:
    """Each statement commits by itself."""
    connection = pymysql.connect(
        host=address("TEST_MYSQL_HOST"),
        port=int(address("TEST_MYSQL_PORT")),
        user="root",
        password=address("TEST_MYSQL_ROOT_PASSWORD"),
        database=database,
        autocommit=True,
        init_command="SET time_zone = '+00:00'",
    )
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def create_empty_database(service: str) -> MysqlSettings:
    """A scratch database without a table, to be given to `drop_database` afterwards."""
    mysql = MysqlSettings(
        host=address("TEST_MYSQL_HOST"),
        port=int(address("TEST_MYSQL_PORT")),
        database=f"test_{service}_{suffix()}",
        user="root",
        password=address("TEST_MYSQL_ROOT_PASSWORD"),
    )
    with root_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE `{mysql.database}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    return mysql


class _Operations:
    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor

    def execute(self, sqltext: str) -> None:
        self._cursor.execute(sqltext)
