"""Tries parked events again, a key's in their order, until they take effect or patience ends.

Expected flow, every two seconds or at once while there is more:
 1. Look for the queues whose first event is due.
 2. Hold that event's row, handle it, store that it was taken and remove the row, in one transaction.
 3. If it failed, put it off with what waits behind it, for longer each time; after the last try it goes to the dead
    letters, and the next one of its key is tried.

Guarantees: an event takes effect once, whichever members try it. Its key goes on after a dead letter, because what
follows often undoes what failed (an order's cancellation frees its stock), handlers refuse by themselves what the
aggregate's state does not allow, and a key that stood still for ever would need a person for every such event.

Caveats: an event whose dead letter was sent just before the process died is tried once more and may be there twice.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial

from prometheus_client import Counter, Gauge

from amazonlite.common.background.every import every
from amazonlite.common.data.errors import described, raised_at
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory, in_transaction
from amazonlite.common.events import parked
from amazonlite.common.events.dead_letters import DeadLetters
from amazonlite.common.events.parked import Failure, Parked
from amazonlite.common.events.patience import Patience, has_to_wait, is_away
from amazonlite.common.events.process import Delivery, Processor
from amazonlite.common.events.producer import SendRefused
from amazonlite.common.observe.logs import get_logger

PARKED = Gauge("events_parked", "Events whose handling failed and what waits behind them", ["consumer"])
OLDEST = Gauge("events_parked_oldest_seconds", "For how long the oldest parked event has been", ["consumer"])
REPLAYED = Counter("events_replayed_total", "Tries of parked events", ["topic", "outcome"])

BATCH = 50
COUNT_SECONDS = 10.0

log = get_logger(__name__)


class Replay:
    def __init__(
        self,
        group: str,
        factory: UnitOfWorkFactory,
        processor: Processor,
        dead_letters: DeadLetters,
        patience: Patience,
        slots: asyncio.Semaphore,
        *,
        at_once: int,
        every: float,
    ) -> None:
        """`slots` bounds the transactions of the whole consumer, `at_once` those of them that try parked events."""
        self._group = group
        self._topics = processor.topics
        self._factory = factory
        self._processor = processor
        self._dead_letters = dead_letters
        self._patience = patience
        self._slots = slots
        self._at_once = asyncio.Semaphore(at_once)
        self._every = every
        self._count_at = 0.0

    async def run(self) -> None:
        await every(self._every, self.try_due, waits="parked_events_wait")

    async def try_due(self) -> bool:
        """Tries one batch, and says whether any of it has left the table, so that there may be more to do."""
        async with self._slots, self._factory() as uow:
            due = await parked.due(uow, self._group, self._topics, BATCH)
            await self._count(uow)
        async with asyncio.TaskGroup() as group:
            tries = [group.create_task(self._try(one)) for one in due]
        return any(task.result() for task in tries)

    async def _try(self, one: Parked) -> bool:
        """Whether it has left the table. While the database or the broker is away it stays as it is."""
        async with self._at_once, self._slots:
            try:
                outcome = await self._outcome(one)
            except Exception as error:
                if not has_to_wait(error):
                    raise
                log.warning("parked_event_waits", topic=one.topic(), group=self._group, reason=described(error))
                outcome = "waits"
        REPLAYED.labels(one.topic(), outcome).inc()
        return outcome not in {"waits", "elsewhere", "failed"}

    async def _outcome(self, one: Parked) -> str:
        try:
            return await self._attempt(one)
        except Exception as error:
            if is_away(error):
                raise
            failure = self._patience.after(one.tries, error)
            return await in_transaction(self._factory, partial(self._judge, one=one, failure=failure, error=error))

    async def _attempt(self, one: Parked) -> str:
        delivery = self._processor.read(one)
        if isinstance(delivery, Delivery):
            with self._processor.scope(delivery):
                return await in_transaction(self._factory, lambda uow: self._once(uow, one, delivery))
        if delivery is not None:
            raise delivery.error
        return await in_transaction(self._factory, lambda uow: self._leave(uow, one, "unconcerned"))

    async def _once(self, uow: UnitOfWork, one: Parked, delivery: Delivery) -> str:
        if not await parked.hold(uow, one):
            return "elsewhere"
        first = await self._processor.once(uow, delivery)
        return await self._leave(uow, one, "done" if first else "repeated")

    async def _leave(self, uow: UnitOfWork, one: Parked, outcome: str) -> str:
        await parked.done_with(uow, self._group, one)
        return outcome

    async def _judge(self, uow: UnitOfWork, one: Parked, failure: Failure, error: Exception) -> str:
        if not await parked.hold(uow, one):
            return "elsewhere"
        if self._patience.ends_with(failure) and await self._is_put_aside(one, error, failure):
            return await self._leave(uow, one, "put_aside")
        await parked.put_off(uow, self._group, one, failure)
        log.warning(
            "parked_event_failed",
            topic=one.topic(),
            group=self._group,
            tries=failure.tries,
            error=failure.error,
            raised_at=raised_at(error),
            again_in_seconds=round(failure.pause, 1),
        )
        return "failed"

    async def _is_put_aside(self, one: Parked, error: Exception, failure: Failure) -> bool:
        """What the broker refuses for good, for its size or for want of a right or a topic, stays parked."""
        try:
            await self._dead_letters.put(one, error, failure.tries)
        except SendRefused as refused:
            log.error("dead_letter_refused", topic=one.topic(), group=self._group, reason=str(refused))
            return False
        return True

    async def _count(self, uow: UnitOfWork) -> None:
        if time.monotonic() < self._count_at:
            return
        self._count_at = time.monotonic() + COUNT_SECONDS
        messages, seconds = await parked.waiting(uow, self._group)
        PARKED.labels(self._group).set(messages)
        OLDEST.labels(self._group).set(seconds)
