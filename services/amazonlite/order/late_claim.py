"""An order whose claim's event is late is opened from the hold itself, so that nobody waits for a broker to pay.

The event may come at the same moment: the timeline's first place lets one of the two make the order.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from amazonlite.common.core.ids import time_of
from amazonlite.common.data.unit_of_work import in_transaction
from amazonlite.order import store
from amazonlite.order.claim import open_claimed_order
from amazonlite.order.dependencies import OrderDependencies
from amazonlite.order.domain import Cause, Order

EVENT_IS_LATE = timedelta(seconds=1)
NO_CLAIM_SO_OLD = timedelta(hours=1)


async def open_late(deps: OrderDependencies, order_id: str) -> Order | None:
    """The order, made now if a claim was given a hold for it; None while the event still has time, or without a hold.

    It can be paid like any other until `payBefore`, and after that is told to be too late at once. What became of its
    hold is not asked: an order ends only after payment was (see ``time_out``), and this one may be paid already.

    Raises Unavailable when inventory cannot say: that there is no such order would not be known to be true.
    """
    if not _overdue(order_id, deps.clock.now()):
        return None
    claim = await deps.goods.claim_of(order_id)
    if claim is None:
        return None
    await in_transaction(deps.transactions, lambda uow: open_claimed_order(deps, uow, claim, Cause("hold")))
    async with deps.transactions() as uow:
        return await store.find(uow, order_id)


def _overdue(order_id: str, now: datetime) -> bool:
    """Orders are named by the time of their claim, so that one look at the name tells how late the event is."""
    claimed_at = time_of(order_id)
    return claimed_at is not None and EVENT_IS_LATE <= now - claimed_at.astimezone(UTC) <= NO_CLAIM_SO_OLD
