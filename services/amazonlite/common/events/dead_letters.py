"""Puts aside what a consumer keeps failing on, with the reason and everything it came with."""

from __future__ import annotations

from amazonlite.common.data.errors import described, raised_at
from amazonlite.common.events.parked import Received
from amazonlite.common.events.producer import EventProducer, Record
from amazonlite.common.events.topics import dlq_of
from amazonlite.common.observe.logs import get_logger

log = get_logger(__name__)


class DeadLetters:
    def __init__(self, producer: EventProducer, group: str) -> None:
        self._producer = producer
        self._group = group

    async def put(self, message: Received, error: Exception, tries: int) -> None:
        """The message with its own headers is on `<topic>.dlq.v1` when this returns; SendFailed if it may not be.

        Of the error only class and code are told: its message may quote what a customer or a row holds.
        """
        topic = message.topic() or ""
        reason = described(error)
        log.error(
            "event_put_aside",
            topic=topic,
            group=self._group,
            tries=tries,
            error=reason,
            raised_at=raised_at(error),
        )
        about = {
            "error": reason,
            "tries": str(tries),
            "consumer": self._group,
            "topic": topic,
            "partition": str(message.partition()),
            "offset": str(message.offset()),
        }
        original = [header for header in message.headers() or [] if header[0] not in about]
        headers = [*original, *((name, value.encode()) for name, value in about.items())]
        await self._producer.publish(Record(dlq_of(topic), message.key() or b"", message.value() or b"", headers))
