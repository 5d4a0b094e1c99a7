"""Each service may send its own events and take those it handles; nothing else is granted, and all of it is."""

from __future__ import annotations

from typing import cast

from confluent_kafka.admin import AclOperation, ResourceType

from amazonlite.common.events.access import grants
from amazonlite.common.events.topics import READERS, TOPICS, dlq_of
from amazonlite.inventory import consumers as inventory
from amazonlite.inventory.dependencies import Dependencies
from amazonlite.order import consumers as order
from amazonlite.order.dependencies import OrderDependencies
from amazonlite.payment import consumers as payment
from amazonlite_cli.deploy.secrets import KAFKA_USERS


def names(service: str, kind: ResourceType, operation: AclOperation) -> set[str]:
    return {name for who, what, name, how in grants() if (who, what, how) == (service, kind, operation)}


def test_the_readers_are_those_who_handle() -> None:
    assert set(READERS["inventory"]) == inventory.handlers(cast(Dependencies, None)).keys()
    assert set(READERS["order"]) == order.handlers(cast(OrderDependencies, None)).keys()
    assert set(READERS["payment"]) == payment.HANDLERS.keys()


def test_a_service_sends_its_own_events_and_no_others() -> None:
    for service in READERS:
        own = {topic.name for topic in TOPICS if topic.sender == service}
        puts_aside = {dlq_of(topic) for topic in READERS[service]}
        assert names(service, ResourceType.TOPIC, AclOperation.WRITE) == own | puts_aside


def test_a_service_takes_what_it_handles_in_its_own_group() -> None:
    for service, topics in READERS.items():
        assert names(service, ResourceType.TOPIC, AclOperation.READ) == set(topics)
        assert names(service, ResourceType.GROUP, AclOperation.READ) == {service}


def test_everybody_who_is_granted_something_has_an_account() -> None:
    assert {service for service, *_ in grants()} == set(KAFKA_USERS)
