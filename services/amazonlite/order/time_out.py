"""Orders whose time to pay has passed by the database's clock are timed out; several sweeps may run at once."""

from __future__ import annotations

from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.order import store
from amazonlite.order.advance import advance
from amazonlite.order.desk import OrderDesk
from amazonlite.order.domain import Cause, Changes, Trigger

BATCH = 50
UNPAID = Changes(reason="payment_timeout")


async def time_out_overdue(desk: OrderDesk, *, batch: int = BATCH) -> int:
    """Times out one batch and returns how many orders were in it."""

    async def work(uow: UnitOfWork) -> int:
        overdue = await store.lock_overdue(uow, batch)
        for order in overdue:
            await advance(desk, uow, order, Trigger.TIME_OUT, Cause("payment deadline"), UNPAID)
        return len(overdue)

    return await in_transaction(desk.transactions, work)
