"""Sends the changes of MongoDB documents to Kafka at least once. A document is its own outbox: nothing but one document
is ever written at a time, so that change and outbox commit together without a transaction.

Expected flow: whoever changes a document raises its `version` by one and sets the mark `UNSENT` to the time, in one
write. The relay sends each marked document as it is, and takes the mark away where the version is still the one that
was sent.

Guarantees: the last version of every document is sent, whatever is killed. The same version has the same event id.
Caveats: of several changes in quick succession only the last may be sent; of two relays the slower may send an older
version after a newer one. Consumers therefore keep the highest version that they have seen, and ignore lower ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection

from amazonlite.common.background.every import every
from amazonlite.common.core.clock import Clock
from amazonlite.common.core.errors import Unavailable
from amazonlite.common.core.event import Event
from amazonlite.common.events.envelope import encode
from amazonlite.common.events.producer import EventProducer, Outcome, Record
from amazonlite.common.events.relay_metrics import OLDEST_UNSENT, POISONED, SENT
from amazonlite.common.mongo.undisturbed import undisturbed
from amazonlite.common.observe.logs import get_logger

Document = dict[str, Any]

UNSENT, SENT_VERSION = "unsent_since", "sent_version"
BATCH = 200
POLL_SECONDS = 1.0
MISSED_SECONDS = 600.0
REFUSED_PAUSE = timedelta(minutes=5)
SKEW = timedelta(minutes=1)  # what is marked later than that was refused, and is not another clock's time

log = get_logger(__name__)


class BrokerUnreachable(Unavailable):
    """What was not acknowledged stays marked; it is sent again later."""

    code = "broker_unavailable"


class DocumentRelay:
    """Run one in every process that changes the documents. `event_of` is what is told of a document as it is."""

    def __init__(
        self,
        documents: AsyncCollection[Document],
        producer: EventProducer,
        event_of: Callable[[Mapping[str, Any]], Event],
        *,
        reachable: Callable[[], AbstractContextManager[None]],
        clock: Clock,
    ) -> None:
        """`reachable` makes Unavailable of the driver's errors for a server that is away."""
        self._documents = documents
        self._producer = producer
        self._event_of = event_of
        self._reachable = reachable
        self._clock = clock

    async def run(self) -> None:
        await every(POLL_SECONDS, lambda: undisturbed(self.send_some()), waits="outbox_waits")

    async def find_missed(self) -> None:
        """Finds for ever what a release changed that knows no mark: it runs on while a Deployment rolls."""
        await every(MISSED_SECONDS, lambda: undisturbed(self.mark_missed()), waits="missed_changes_not_read")

    async def send_some(self) -> None:
        """Sends one batch, the oldest first. One a poll: telling a whole catalogue leaves room for its readers."""
        now = self._clock.now()
        with self._reachable():
            marked = self._documents.find({UNSENT: {"$lte": now}}).sort(UNSENT, 1).limit(BATCH)
            found = [document async for document in marked]
            POISONED.set(await self._documents.count_documents({UNSENT: {"$gt": now + SKEW}}))
        OLDEST_UNSENT.set((now - found[0][UNSENT]).total_seconds() if found else 0)
        if not found:
            return
        outcome = await self._producer.send([_record(self._event_of(document)) for document in found])
        await self._settle(found, outcome, now)
        for reason in outcome.unsent.values():
            raise BrokerUnreachable(reason)

    async def mark_missed(self) -> None:
        with self._reachable():
            unmarked = self._documents.find({UNSENT: None}, {"version": 1, SENT_VERSION: 1})
            missed = [one["_id"] async for one in unmarked if one.get(SENT_VERSION) != one["version"]]
            for some in (missed[start : start + BATCH] for start in range(0, len(missed), BATCH)):
                marked = {"_id": {"$in": some}, UNSENT: None}
                await self._documents.update_many(marked, {"$set": {UNSENT: self._clock.now()}})

    async def _settle(self, found: Sequence[Document], outcome: Outcome, now: datetime) -> None:
        """A document that changed meanwhile keeps its mark: its filter names the version that was sent."""
        writes, sent = [], 0
        for position, document in enumerate(found):
            as_sent = {"_id": document["_id"], "version": document["version"]}
            if position in outcome.refused:
                log.error("document_refused", document=document["_id"], reason=outcome.refused[position])
                writes.append(UpdateOne(as_sent, {"$set": {UNSENT: now + REFUSED_PAUSE}}))
            elif not outcome.failed(position):
                sent += 1
                writes.append(UpdateOne(as_sent, {"$set": {SENT_VERSION: document["version"]}, "$unset": {UNSENT: ""}}))
        SENT.inc(sent)
        if writes:
            with self._reachable():
                await self._documents.bulk_write(writes, ordered=False)


def _record(event: Event) -> Record:
    return Record(event.type, event.subject.encode(), encode(event))
