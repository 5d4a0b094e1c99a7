"""Orders the work on a batch of messages: each key's in turn, many keys side by side or in one transaction.

The messages of a key form a queue. A wave takes from the front of every queue: events whose handler is `Grouped` go
by topic, one of each key, into transactions of many; the others are taken one by one, in each queue until a grouped
one comes. A queue whose front has to wait stops there. The next wave begins when all of this one has ended.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from confluent_kafka import Message
from prometheus_client import Counter

from amazonlite.common.core.errors import Unavailable
from amazonlite.common.events.handlers import Grouped
from amazonlite.common.events.process import Delivery, Processor, Unreadable
from amazonlite.common.events.producer import SendFailed
from amazonlite.common.observe.logs import get_logger

CONSUMED = Counter("events_consumed_total", "Events taken from Kafka", ["topic", "outcome"])

log = get_logger(__name__)


@dataclass(slots=True)
class _Queue:
    """What is not yet taken of one key, in its order."""

    left: deque[Delivery | Unreadable] = field(default_factory=deque)
    stopped: bool = False

    @property
    def topic(self) -> str:
        return self.left[0].message.topic() or ""

    def taken(self, outcome: str) -> None:
        CONSUMED.labels(self.topic, outcome).inc()
        self.left.popleft()


class Dispatcher:
    def __init__(self, processor: Processor, *, at_once: int, group: int) -> None:
        """At most `at_once` transactions at a time, of at most `group` events."""
        self._processor = processor
        self._slots = asyncio.Semaphore(at_once)
        self._group = group

    async def take(self, messages: Sequence[Message]) -> list[Message]:
        """Those that could not be taken now: of their keys, these and none before them."""
        queues = self._by_key(messages)
        while going := [queue for queue in queues if queue.left and not queue.stopped]:
            async with asyncio.TaskGroup() as wave:
                for work in self._wave(going):
                    wave.create_task(work)
        return [delivery.message for queue in queues for delivery in queue.left]

    def _by_key(self, messages: Sequence[Message]) -> list[_Queue]:
        queues: dict[object, _Queue] = defaultdict(_Queue)
        for message in messages:
            delivery = self._processor.read(message)
            if delivery is None:
                CONSUMED.labels(message.topic(), "unconcerned").inc()
            else:
                queues[message.key() or (message.topic(), message.partition())].left.append(delivery)
        return list(queues.values())

    def _wave(self, queues: Sequence[_Queue]) -> Iterator[Coroutine[Any, Any, None]]:
        by_topic: dict[str, list[_Queue]] = defaultdict(list)
        for queue in queues:
            if queue.left[0].grouped:
                by_topic[queue.topic].append(queue)
            else:
                yield self._take_singles(queue)
        for same in by_topic.values():
            for start in range(0, len(same), self._group):
                yield self._take_group(same[start : start + self._group])

    async def _take_singles(self, queue: _Queue) -> None:
        async with self._slots:
            while queue.left and not queue.stopped and not queue.left[0].grouped:
                await self._take_first(queue)

    async def _take_group(self, queues: Sequence[_Queue]) -> None:
        if len(queues) > 1 and await self._taken_together(queues):
            return
        async with asyncio.TaskGroup() as each:
            for queue in queues:
                each.create_task(self._take_alone(queue))

    async def _taken_together(self, queues: Sequence[_Queue]) -> bool:
        """False: the group failed and nothing of it was kept, so each is to be tried alone."""
        group = [cast(Delivery, queue.left[0]) for queue in queues]
        handler = cast(Grouped, group[0].handler)
        try:
            async with self._slots:
                outcomes = await self._processor.many(handler, [delivery.event for delivery in group])
        except (Unavailable, SendFailed) as error:
            _stop(queues, error)
        except Exception:
            log.warning("event_group_failed", topic=queues[0].topic, count=len(queues), exc_info=True)
            return False
        else:
            for queue, outcome in zip(queues, outcomes, strict=True):
                queue.taken(outcome)
        return True

    async def _take_alone(self, queue: _Queue) -> None:
        async with self._slots:
            await self._take_first(queue)

    async def _take_first(self, queue: _Queue) -> None:
        try:
            outcome = await self._processor.one(queue.left[0])
        except (Unavailable, SendFailed) as error:
            _stop([queue], error)
        else:
            queue.taken(outcome)


def _stop(queues: Sequence[_Queue], error: Exception) -> None:
    for queue in queues:
        queue.stopped = True
    log.warning("event_waits", topic=queues[0].topic, keys=len(queues), reason=str(error))
