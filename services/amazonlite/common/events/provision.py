"""`python -m amazonlite.common.events.provision` creates what is missing of the topics and their dead letter topics."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from amazonlite.common.core.settings import KafkaSettings
from amazonlite.common.events.topics import TOPICS, Topic, dlq_of

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
    admin = KafkaAdminClient(
        bootstrap_servers=kafka.bootstrap, client_id="provision", bootstrap_timeout_ms=int(seconds * 1000)
    )
    try:
        existing = set(admin.list_topics())
        missing = {name: options for name, options in _wanted(topics).items() if name not in existing}
        if missing:
            admin.create_topics(missing, wait_for_metadata=True)
        return list(missing)
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
    except BrokerNeverCame as error:
        sys.exit(f"topics not created: {error}")
    print(f"topics created: {', '.join(created) or 'none were missing'}", flush=True)


if __name__ == "__main__":
    main()
