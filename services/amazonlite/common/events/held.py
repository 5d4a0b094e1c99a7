"""Events the broker refused. Each holds back the later ones of its aggregate, and no other's, until it is sent."""

from __future__ import annotations

from collections.abc import Sequence

from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory, in_transaction
from amazonlite.common.events import outbox
from amazonlite.common.events.leases import Leases
from amazonlite.common.events.outbox import HeldRow, OutboxRow, Refusal
from amazonlite.common.events.producer import EventProducer, Record
from amazonlite.common.observe.logs import get_logger

log = get_logger(__name__)

RETRIES_AT_ONCE = 100
LONGEST_PAUSE = 300.0


class BrokerAway(Exception):
    """What was not acknowledged stays pending; send it again later."""


class HeldEvents:
    def __init__(
        self, factory: UnitOfWorkFactory, leases: Leases, producer: EventProducer, *, attempts: int, seconds: float
    ) -> None:
        self.blocked: set[str] = set()  # aggregates
        self._factory = factory
        self._leases = leases
        self._producer = producer
        self._attempts = attempts
        self._seconds = seconds  # until the second attempt; doubles with each, to five minutes

    async def load(self, uow: UnitOfWork) -> None:
        self.blocked = await outbox.blocked_aggregates(uow, self._leases.shards)

    async def hold(self, uow: UnitOfWork, row: OutboxRow | HeldRow, attempts: int, reason: str) -> None:
        poisoned = attempts >= self._attempts
        pause = min(self._seconds * 2 ** (attempts - 1), LONGEST_PAUSE)
        await outbox.hold_refused(uow, row, Refusal(attempts, poisoned, pause, reason))
        log.error("event_refused", topic=row.topic, aggregate=row.aggregate_id, poisoned=poisoned, reason=reason)

    async def retry(self) -> int:
        """Tries again what is due; how many were sent."""
        async with self._factory() as uow:
            heads = await outbox.due_heads(uow, self._leases.shards, RETRIES_AT_ONCE)
        if not heads:
            return 0
        fences = self._leases.fences
        outcome = await self._producer.send([record_of(head) for head in heads])
        sent = [head for position, head in enumerate(heads) if not outcome.failed(position)]
        refused = [(heads[position], reason) for position, reason in outcome.refused.items()]
        await in_transaction(self._factory, lambda uow: self._write(uow, fences, sent, refused))
        self.blocked -= {head.aggregate_id for head in sent}
        for reason in outcome.unsent.values():
            raise BrokerAway(reason)
        return len(sent)

    async def _write(
        self, uow: UnitOfWork, fences: dict[int, int], sent: Sequence[HeldRow], refused: Sequence[tuple[HeldRow, str]]
    ) -> None:
        ours = await self._leases.still_ours(uow, fences)
        for head in sent:
            if head.shard in ours:
                await outbox.unblock(uow, head)
        for head, reason in refused:
            if head.shard in ours:
                await self.hold(uow, head, head.attempts + 1, reason)


def record_of(row: OutboxRow | HeldRow) -> Record:
    return Record(row.topic, row.aggregate_id.encode(), row.payload)
