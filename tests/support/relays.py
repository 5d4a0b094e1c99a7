"""Relays that run beside a test, and what they brought to the broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from amazonlite.common.core.settings import KafkaSettings
from amazonlite.common.core.tasks import stop
from amazonlite.common.events.relay import Relay
from amazonlite.common.testing.stores import independent_client


@asynccontextmanager
async def relaying(*relays: Relay) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(relay.run()) for relay in relays]
    try:
        yield tasks
    finally:
        await stop(tasks)


def arrived(kafka: KafkaSettings, topics: Sequence[str]) -> list[dict[str, Any]]:
    """All events of the topics, duplicates included, a partition's in the order of their arrival."""
    with closing(KafkaConsumer(**independent_client(kafka), enable_auto_commit=False)) as reader:
        places = [TopicPartition(topic, number) for topic in topics for number in range(3)]
        reader.assign(places)
        reader.seek_to_beginning(*places)
        ends = reader.end_offsets(places)
        found: list[dict[str, Any]] = []
        while any(reader.position(place) < ends[place] for place in places):
            for records in reader.poll(timeout_ms=500).values():
                found += [json.loads(record.value) for record in records]
    return found
