"""`python -m amazonlite.common.events.provision` creates what is missing of the topics and their dead letter topics.

It also lets each service read and write those that it has to, and no others (see ``access``).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, SecurityDisabledError, TopicAlreadyExistsError

from amazonlite.common.core.settings import KafkaSettings
from amazonlite.common.events.access import provision_access
from amazonlite.common.events.kafka_client import admin_config
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
    while True:
        try:
            return _create_missing(kafka, topics, max(1.0, min(10.0, deadline - time.monotonic())))
        except TopicAlreadyExistsError:  # another replica was first; what is missing still is seen anew
            continue
        except KafkaError as error:
            if time.monotonic() > deadline:
                raise BrokerNeverCame(str(error)) from error
            print(f"waiting for the broker: {error}", flush=True)
            time.sleep(1)


def _create_missing(kafka: KafkaSettings, topics: Sequence[Topic], seconds: float) -> list[str]:
    admin = _admin(kafka, seconds)
    try:
        existing = set(admin.list_topics())
        missing = {name: options for name, options in _wanted(topics).items() if name not in existing}
        if missing:
            admin.create_topics(missing, wait_for_metadata=True)
        return list(missing)
    finally:
        admin.close()


def _admin(kafka: KafkaSettings, seconds: float) -> KafkaAdminClient:
    return KafkaAdminClient(**admin_config(kafka), client_id="provision", bootstrap_timeout_ms=int(seconds * 1000))


def provision_rights(kafka: KafkaSettings) -> tuple[int, int]:
    """How many rights of the services were granted and taken back."""
    admin = _admin(kafka, WAIT_SECONDS)
    try:
        return provision_access(admin)
    finally:
        admin.close()


def _wanted(topics: Sequence[Topic]) -> dict[str, dict[str, Any]]:
    wanted: dict[str, dict[str, Any]] = {}
    for topic in topics:
        wanted[topic.name] = {"num_partitions": topic.partitions, "configs": {"retention.ms": str(7 * DAY)}}
        # Put-aside events wait for people, so they stay longer.
        wanted[dlq_of(topic.name)] = {"num_partitions": 1, "configs": {"retention.ms": str(30 * DAY)}}
    return wanted


def main() -> None:
    try:
        created = provision(KafkaSettings())
        granted, taken = (0, 0) if os.environ.get("KAFKA_RIGHTS") == ELSEWHERE else provision_rights(KafkaSettings())
    except BrokerNeverCame as error:
        sys.exit(f"topics not created: {error}")
    except SecurityDisabledError:
        sys.exit("the broker has no authorizer, so that anybody may send any event; KAFKA_RIGHTS=elsewhere allows it")
    print(f"topics created: {', '.join(created) or 'none were missing'}", flush=True)
    print(f"rights: {granted} granted, {taken} taken back", flush=True)


if __name__ == "__main__":
    main()
