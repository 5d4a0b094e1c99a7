"""Puts aside parked events of topics that nobody in the group consumes any more, so that their keys go on.

Expected flow, once a minute or at once while there is more:
 1. Look for queues whose first event is of a topic that this member does not consume, and due for an hour. A member
    that consumes it would have tried it by then: during an upgrade the releases differ in what they consume.
 2. Hold that event's row, send it to the dead letters and remove the row, in one transaction.
 3. Where the dead letters do not take it, for the right or the topic went with the handler, it stays in the table, in a
    queue of its own. It is tried there should a release consume its topic again.

Guarantees: no event is lost by it, and what waits behind one is tried in its order. Time only says when to give up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from prometheus_client import Counter

from amazonlite.common.background.every import every
from amazonlite.common.data.errors import described
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory, in_transaction
from amazonlite.common.events import parked
from amazonlite.common.events.dead_letters import DeadLetters
from amazonlite.common.events.parked import Parked
from amazonlite.common.events.patience import has_to_wait
from amazonlite.common.events.producer import SendRefused
from amazonlite.common.observe.logs import get_logger

ORPHANED = Counter("events_orphaned_total", "Parked events of topics that nobody consumes", ["topic", "outcome"])

BATCH = 50

log = get_logger(__name__)


class NotConsumed(Exception):
    """The event was parked by a release that consumed its topic; send it again to one that does."""


class OrphanedEvents:
    def __init__(
        self,
        group: str,
        topics: Sequence[str],
        factory: UnitOfWorkFactory,
        dead_letters: DeadLetters,
        slots: asyncio.Semaphore,
        *,
        after_seconds: float,
        every: float,
    ) -> None:
        """`slots` bounds the transactions of the whole consumer."""
        self._group = group
        self._topics = topics
        self._factory = factory
        self._dead_letters = dead_letters
        self._slots = slots
        self._after_seconds = after_seconds
        self._every = every

    async def run(self) -> None:
        await every(self._every, self.put_aside, waits="orphaned_events_wait")

    async def put_aside(self) -> bool:
        """One batch; whether any of its keys goes on, so that there may be more to do."""
        async with self._slots, self._factory() as uow:
            found = await parked.orphaned(uow, self._group, self._topics, self._after_seconds, BATCH)
        outcomes = [await self._try(one) for one in found]
        return any(outcome in {"put_aside", "kept"} for outcome in outcomes)

    async def _try(self, one: Parked) -> str:
        try:
            async with self._slots:
                outcome = await in_transaction(self._factory, partial(self._end, one=one))
        except Exception as error:
            if not has_to_wait(error):
                raise
            log.warning("orphaned_event_waits", topic=one.topic(), group=self._group, reason=described(error))
            outcome = "waits"
        ORPHANED.labels(one.topic(), outcome).inc()
        return outcome

    async def _end(self, uow: UnitOfWork, one: Parked) -> str:
        if not await parked.hold(uow, one):
            return "elsewhere"
        try:
            await self._dead_letters.put(one, NotConsumed(), one.tries)
        except SendRefused as refused:
            await parked.isolate(uow, one, described(NotConsumed()))
            log.error("orphaned_event_kept", topic=one.topic(), group=self._group, seq=one.seq, reason=str(refused))
            return "kept"
        await parked.remove(uow, one)
        return "put_aside"
