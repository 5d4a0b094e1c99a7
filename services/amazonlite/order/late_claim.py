"""An order whose claim's event is late is opened from the hold itself, so that nobody waits for a broker to pay.

The event may come at the same moment: the timeline's first place lets one of the two make the order.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from amazonlite.common.core.ids import time_of
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.order import store
from amazonlite.order.claim import open_claimed_order, time_out_with_its_hold
from amazonlite.order.desk import OrderDesk
from amazonlite.order.domain import Cause, Order
from amazonlite.order.ports import HoldFact

BY_HOLD = Cause("hold")
EVENT_IS_LATE = timedelta(seconds=1)
NO_CLAIM_SO_OLD = timedelta(hours=1)


async def open_late(desk: OrderDesk, order_id: str) -> Order | None:
    """The order, made now if a claim was given a hold for it; None while the event still has time, or without a hold.

    One whose hold has ended meanwhile is timed out at once, so that nobody goes on trying to pay it.

    Raises Unavailable when inventory cannot say: that there is no such order would not be known to be true.
    """
    if not _overdue(order_id, desk.clock.now()):
        return None
    hold = await desk.goods.hold_of(order_id)
    if hold is None:
        return None
    await in_transaction(desk.transactions, lambda uow: _open(desk, uow, hold))
    async with desk.transactions() as uow:
        return await store.find(uow, order_id)


async def _open(desk: OrderDesk, uow: UnitOfWork, hold: HoldFact) -> None:
    order = await open_claimed_order(desk, uow, hold.claim, BY_HOLD)
    if order is not None and not hold.held:
        await time_out_with_its_hold(desk, uow, order, BY_HOLD)


def _overdue(order_id: str, now: datetime) -> bool:
    """Orders are named by the time of their claim, so that one look at the name tells how late the event is."""
    claimed_at = time_of(order_id)
    return claimed_at is not None and EVENT_IS_LATE <= now - claimed_at.astimezone(UTC) <= NO_CLAIM_SO_OLD
