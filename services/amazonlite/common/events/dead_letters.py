"""Puts aside what a consumer keeps failing on, with the reason and everything it came with."""

from __future__ import annotations

from typing import cast

from confluent_kafka import Message

from amazonlite.common.events.producer import EventProducer, Record
from amazonlite.common.events.topics import dlq_of
from amazonlite.common.observe.logs import get_logger

log = get_logger(__name__)


class DeadLetters:
    def __init__(self, producer: EventProducer, group: str) -> None:
        self._producer = producer
        self._group = group

    async def put(self, message: Message, error: Exception, tries: int) -> None:
        """The message with its own headers is on `<topic>.dlq.v1` when this returns; SendFailed if it may not be."""
        topic = message.topic() or ""
        log.error("event_put_aside", topic=topic, group=self._group, tries=tries, exc_info=error)
        about = {
            "error": f"{type(error).__name__}: {error}"[:500],
            "tries": str(tries),
            "consumer": self._group,
            "topic": topic,
            "partition": str(message.partition()),
            "offset": str(message.offset()),
        }
        received = cast("list[tuple[str, bytes]]", message.headers() or [])
        original = [header for header in received if header[0] not in about]
        headers = [*original, *((name, value.encode()) for name, value in about.items())]
        await self._producer.publish(Record(dlq_of(topic), message.key() or b"", message.value() or b"", headers))
