"""With the account of one service nobody sends or takes what is another's, and without an account nothing at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from amazonlite.common.core.ids import new_id
from amazonlite.common.core.settings import KafkaSettings
from amazonlite.common.events.access import provision_access
from amazonlite.common.events.kafka_client import client_config
from amazonlite_cli.deploy.secrets import KAFKA_USERS
from amazonlite_cli.kube import connect, read_secret

pytestmark = pytest.mark.cluster
FORGED = "payment.authorized.v1"
REFUSED = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED}
Account = Callable[[str], KafkaSettings]


@pytest.fixture
def account(kafka: KafkaSettings) -> Account:
    return lambda user: KafkaSettings(
        bootstrap=kafka.bootstrap, user=user, password=read_secret(connect(), f"kafka-{user}")["password"]
    )


def error_of_sending(kafka: KafkaSettings, topic: str) -> int | None:
    """The broker's error code; None when it took the record."""
    delivered: list[KafkaError | None] = []
    producer = Producer(client_config(kafka, {"message.timeout.ms": 5000}))
    producer.produce(topic, b"{}", on_delivery=lambda error, _: delivered.append(error))
    producer.flush(10)
    (error,) = delivered
    return None if error is None else int(error.code())


def error_of_taking(kafka: KafkaSettings, group: str, topic: str) -> int | None:
    consumer = Consumer(client_config(kafka, {"group.id": group, "auto.offset.reset": "latest"}))
    try:
        consumer.subscribe([topic])
        message = consumer.poll(10)
        return message.error().code() if message is not None and message.error() else None
    except KafkaException as error:
        return int(error.args[0].code())
    finally:
        consumer.close()


@pytest.mark.parametrize("user", sorted(set(KAFKA_USERS) - {"payment"}))
def test_another_services_event_is_not_forged(account: Account, user: str) -> None:
    assert error_of_sending(account(user), FORGED) == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_a_service_takes_nothing_that_it_does_not_handle_nor_in_anothers_group(account: Account) -> None:
    assert error_of_taking(account("payment"), "payment", "flash-sale.claimed.v1") in REFUSED
    assert error_of_taking(account("payment"), "order", "order.confirmed.v1") in REFUSED
    assert error_of_taking(account("payment"), new_id("other"), "order.confirmed.v1") in REFUSED


@pytest.mark.parametrize("login", [{}, {"user": "payment", "password": "guessed"}, {"user": "nobody", "password": "x"}])
def test_whoever_has_no_account_is_not_heard(kafka: KafkaSettings, login: dict[str, str]) -> None:
    stranger = KafkaSettings(bootstrap=kafka.bootstrap, user=login.get("user", ""), password=login.get("password", ""))
    assert error_of_sending(stranger, FORGED) is not None


def test_a_right_that_nobody_should_have_is_taken_back(kafka: KafkaSettings) -> None:
    admin = AdminClient(client_config(kafka, {}))
    kind, literal, allow = ResourceType.TOPIC, ResourcePatternType.LITERAL, AclPermissionType.ALLOW
    stray = AclBinding(kind, FORGED, literal, f"User:{new_id('stray')}", "*", AclOperation.WRITE, allow)
    admin.create_acls([stray])[stray].result(10)
    assert provision_access(admin) == (0, 1)
    assert provision_access(admin) == (0, 0)
