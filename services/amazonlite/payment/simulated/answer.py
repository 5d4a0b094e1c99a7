"""Decides the charges that answer later and tells the shop by signed webhook, again and again until it listens."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from amazonlite.common.background.every import every
from amazonlite.common.core.ids import derive_id
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory, in_transaction
from amazonlite.payment.domain import ChargeState, Method
from amazonlite.payment.provider import Charge
from amazonlite.payment.simulated import store
from amazonlite.payment.simulated.provider import DECLINE_REASON
from amazonlite.payment.simulated.store import DueCharge

Tell = Callable[[bytes], Awaitable[bool]]
BATCH = 20
TELL_AGAIN_AFTER = 5.0


@dataclass(frozen=True, slots=True)
class LateAnswers:
    """``tell`` delivers one payload and says whether it was received."""

    transactions: UnitOfWorkFactory
    tell: Tell

    async def run(self, *, seconds: float) -> None:
        """For ever; while the database is away it tries again."""

        async def any_due() -> bool:
            return await self.answer_due() > 0

        await every(seconds, any_due, waits="late_answers_wait")

    async def answer_due(self) -> int:
        """Answers one batch and returns its size."""
        due = await in_transaction(self.transactions, self._decide_due)
        for charge in due:
            if await self.tell(payload_of(charge)):
                await in_transaction(self.transactions, partial(store.told, key=charge.key))
        return len(due)

    async def _decide_due(self, uow: UnitOfWork) -> list[Charge]:
        return [await _decide(uow, due) for due in await store.lease_due(uow, BATCH, TELL_AGAIN_AFTER)]


async def _decide(uow: UnitOfWork, due: DueCharge) -> Charge:
    """A charge voided in the meantime stays voided, and that is what is told."""
    key = due.charge.key
    if due.method is Method.ASYNC_OK:
        await store.move(uow, key, {ChargeState.PENDING}, ChargeState.AUTHORIZED)
    else:
        await store.move(uow, key, {ChargeState.PENDING}, ChargeState.DECLINED, DECLINE_REASON)
    return await store.find(uow, key) or due.charge


def payload_of(charge: Charge) -> bytes:
    """The same answer always has the same event id."""
    event = {
        "id": derive_id("pwh", charge.key, charge.state),
        "type": "charge.decided",
        "key": charge.key,
        "state": charge.state,
        "reason": charge.reason,
    }
    return json.dumps(event).encode()
