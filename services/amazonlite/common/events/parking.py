"""Puts off what a consumer fails on, with what comes after it of its key, so that the partition goes on."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from amazonlite.common.data.errors import raised_at
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory, in_transaction
from amazonlite.common.events import parked
from amazonlite.common.events.parked import Failure
from amazonlite.common.events.patience import Patience
from amazonlite.common.events.process import Delivery
from amazonlite.common.observe.logs import get_logger

log = get_logger(__name__)

_BEHIND = Failure(0, 0.0, "")


class Parking:
    def __init__(self, group: str, factory: UnitOfWorkFactory, patience: Patience) -> None:
        self._group = group
        self._factory = factory
        self._patience = patience

    async def among(self, queues: Collection[str]) -> frozenset[str]:
        """Those of the queues that have parked messages: what comes after them of their key has to be parked too.

        To be asked before each batch. Until the batch ends only its own failures can add queues, for a key's messages
        are on a partition that is this member's alone, and whoever had it before parked before giving it up.
        """
        if not queues:
            return frozenset()
        async with self._factory() as uow:
            return await parked.among(uow, self._group, queues)

    async def park(self, deliveries: Sequence[Delivery], error: Exception | None) -> None:
        """Of one queue, in their order: the first failed with `error`, or it stands behind others already."""
        first = self._patience.after(0, error) if error else _BEHIND

        async def work(uow: UnitOfWork) -> None:
            for position, delivery in enumerate(deliveries):
                failure = _BEHIND._replace(pause=first.pause) if position else first
                await parked.park(uow, self._group, delivery.event.id, delivery.message, failure)

        await in_transaction(self._factory, work)
        if error:
            self._tell(deliveries, first, error)

    def _tell(self, deliveries: Sequence[Delivery], first: Failure, error: Exception) -> None:
        log.error(
            "event_parked",
            topic=deliveries[0].message.topic(),
            group=self._group,
            event_id=deliveries[0].event.id,
            error=first.error,
            raised_at=raised_at(error),
            behind=len(deliveries) - 1,
            again_in_seconds=round(first.pause, 1),
        )
