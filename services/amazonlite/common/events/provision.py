"""`python -m amazonlite.common.events.provision` creates what is missing of the topics and their dead letter topics.

It also lets each service read and write those that it has to, and no others (see ``access``).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from amazonlite.common.core.settings import KafkaSettings
from amazonlite.common.events.access import provision_access
from amazonlite.common.events.kafka_client import client_config
from amazonlite.common.events.topics import TOPICS, Topic, dlq_of

ELSEWHERE = "elsewhere"
"""What KAFKA_RIGHTS is where something else keeps accounts and rights, such as Strimzi's user operator."""
WAIT_SECONDS = 120.0
DAY = 24 * 3600 * 1000


class BrokerNeverCame(Exception):
    """The broker answered nothing usable until the deadline; its last error is the message."""


def provision(
    kafka: KafkaSettings, topics: Sequence[Topic] = TOPICS, *, wait_seconds: float = WAIT_SECONDS
) -> list[str]:
    """The names created now; the ones that were there are left as they are."""
    deadline = time.monotonic() + wait_seconds
    admin = _admin(kafka)
    while True:
        try:
            return _create_missing(admin, topics, max(1.0, min(10.0, deadline - time.monotonic())))
        except KafkaException as error:
            if time.monotonic() > deadline:
                raise BrokerNeverCame(str(error)) from error
            print(f"waiting for the broker: {error}", flush=True)
            time.sleep(1)


def _create_missing(admin: AdminClient, topics: Sequence[Topic], seconds: float) -> list[str]:
    existing = admin.list_topics(timeout=seconds).topics
    missing = [topic for topic in _wanted(topics) if topic.topic not in existing]
    made = admin.create_topics(missing, operation_timeout=seconds, request_timeout=seconds) if missing else {}
    return [name for name, done in made.items() if _was_made(done)]


def _was_made(done: Future[None]) -> bool:
    """False when another replica was first."""
    try:
        done.result()
    except KafkaException as refused:
        if refused.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
        return False
    return True


def _admin(kafka: KafkaSettings) -> AdminClient:
    return AdminClient(client_config(kafka, {"client.id": "provision"}))


def provision_rights(kafka: KafkaSettings) -> tuple[int, int]:
    """How many rights of the services were granted and taken back."""
    return provision_access(_admin(kafka))


def _wanted(topics: Sequence[Topic]) -> Iterator[NewTopic]:
    for topic in topics:
        yield NewTopic(topic.name, num_partitions=topic.partitions, config={"retention.ms": str(7 * DAY)})
        # Put-aside events wait for people, so they stay longer.
        yield NewTopic(dlq_of(topic.name), num_partitions=1, config={"retention.ms": str(30 * DAY)})


def main() -> None:
    try:
        created = provision(KafkaSettings())
        granted, taken = (0, 0) if os.environ.get("KAFKA_RIGHTS") == ELSEWHERE else provision_rights(KafkaSettings())
    except BrokerNeverCame as error:
        sys.exit(f"topics not created: {error}")
    except KafkaException as refused:
        if refused.args[0].code() != KafkaError.SECURITY_DISABLED:
            raise
        sys.exit("the broker has no authorizer, so that anybody may send any event; KAFKA_RIGHTS=elsewhere allows it")
    print(f"topics created: {', '.join(created) or 'none were missing'}", flush=True)
    print(f"rights: {granted} granted, {taken} taken back", flush=True)


if __name__ == "__main__":
    main()
