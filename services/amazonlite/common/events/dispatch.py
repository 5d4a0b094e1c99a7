"""Orders the work on a batch of messages: each key's in turn, many keys side by side or in one transaction.

The messages of a key form a queue. A wave takes from the front of every queue: events whose handler is `Grouped` go
by topic, one of each key, into transactions of many; the others are taken one by one, in each queue until a grouped
one comes. The next wave begins when all of this one has ended.

A queue whose front fails by itself is parked, all of it; so is one of whose key something is parked already. One whose
front has to wait, because the database or the broker is away, stops there.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from prometheus_client import Counter

from amazonlite.common.data.errors import described, raised_at
from amazonlite.common.events.handlers import Grouped
from amazonlite.common.events.parked import Received, queue_of
from amazonlite.common.events.parking import Parking
from amazonlite.common.events.patience import has_to_wait, is_away
from amazonlite.common.events.process import Delivery, Processor, Unreadable
from amazonlite.common.observe.logs import get_logger

CONSUMED = Counter("events_consumed_total", "Events taken from Kafka", ["topic", "outcome"])

log = get_logger(__name__)

M = TypeVar("M", bound=Received)


@dataclass(slots=True)
class _Queue:
    """What is not yet taken of one key, in its order."""

    left: deque[Delivery | Unreadable] = field(default_factory=deque)
    stopped: bool = False
    parked: bool = False  # something of its key waits for another try

    @property
    def topic(self) -> str:
        return self.left[0].message.topic() or ""

    def taken(self, outcome: str) -> None:
        CONSUMED.labels(self.topic, outcome).inc()
        self.left.popleft()


class Dispatcher:
    def __init__(self, processor: Processor, parking: Parking, slots: asyncio.Semaphore, *, group: int) -> None:
        """A transaction takes a slot, and at most `group` events."""
        self._processor = processor
        self._parking = parking
        self._slots = slots
        self._group = group

    async def take(self, messages: Sequence[M]) -> list[M]:
        """Those that could not be taken now: of their keys, these and none before them."""
        queues = self._by_key(messages)
        await self._find_parked(queues)
        while going := [queue for queue in queues.values() if queue.left and not queue.stopped]:
            async with asyncio.TaskGroup() as wave:
                for work in self._wave(going):
                    wave.create_task(work)
        return [cast(M, delivery.message) for queue in queues.values() for delivery in queue.left]

    def _by_key(self, messages: Sequence[Received]) -> dict[str, _Queue]:
        queues: dict[str, _Queue] = defaultdict(_Queue)
        for message in messages:
            delivery = self._processor.read(message)
            if delivery is None:
                CONSUMED.labels(message.topic(), "unconcerned").inc()
            else:
                queues[queue_of(message)].left.append(delivery)
        return queues

    async def _find_parked(self, queues: Mapping[str, _Queue]) -> None:
        try:
            async with self._slots:
                parked = await self._parking.among(queues.keys())
        except Exception as error:
            if not is_away(error):
                raise
            _stop(list(queues.values()), error)
            return
        for name in parked:
            queues[name].parked = True

    def _wave(self, queues: Sequence[_Queue]) -> Iterator[Coroutine[Any, Any, None]]:
        by_topic: dict[str, list[_Queue]] = defaultdict(list)
        for queue in queues:
            if queue.parked:
                yield self._park(queue, None)
            elif queue.left[0].grouped:
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
        except Exception as error:
            if not is_away(error):
                _tell_of_group(queues, error)
                return False
            _stop(queues, error)
        else:
            for queue, outcome in zip(queues, outcomes, strict=True):
                queue.taken(outcome)
        return True

    async def _take_alone(self, queue: _Queue) -> None:
        async with self._slots:
            await self._take_first(queue)

    async def _take_first(self, queue: _Queue) -> None:
        """Takes or parks it; with it in a slot already."""
        first = queue.left[0]
        try:
            if isinstance(first, Unreadable):
                queue.taken(await self._processor.put_aside(first))
            else:
                queue.taken(await self._processor.one(first))
        except Exception as error:
            if is_away(error):
                _stop([queue], error)
            else:
                await self._park_all(queue, error)

    async def _park(self, queue: _Queue, error: Exception | None) -> None:
        async with self._slots:
            await self._park_all(queue, error)

    async def _park_all(self, queue: _Queue, error: Exception | None) -> None:
        """What is unreadable has no order to keep and is put aside."""
        try:
            await self._parking.park([one for one in queue.left if isinstance(one, Delivery)], error)
            while queue.left:
                first = queue.left[0]
                readable = isinstance(first, Delivery)
                queue.taken("parked" if readable else await self._processor.put_aside(cast(Unreadable, first)))
        except Exception as trouble:
            if not has_to_wait(trouble):
                raise
            _stop([queue], trouble)


def _stop(queues: Sequence[_Queue], error: Exception) -> None:
    for queue in queues:
        queue.stopped = True
    if queues:
        log.warning("event_waits", topic=queues[0].topic, keys=len(queues), reason=described(error))


def _tell_of_group(queues: Sequence[_Queue], error: Exception) -> None:
    topic, reason = queues[0].topic, described(error)
    log.warning("event_group_failed", topic=topic, count=len(queues), error=reason, raised_at=raised_at(error))
