"""Orders that were not paid in time are timed out, once payment has closed them for good.

Payment may name one as paid instead, because the news of it is late: that order is authorised. While payment does not
answer, overdue orders stay open. Several sweeps may run at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from amazonlite.common.background.every import every
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.order import store
from amazonlite.order.advance import Move, moved, write
from amazonlite.order.dependencies import OrderDependencies
from amazonlite.order.domain import OPEN_STATES, Cause, Changes, Order, Trigger
from amazonlite.order.ports import Sealed

BATCH = 200
DEADLINE = Cause("payment deadline")
UNPAID = Changes(reason="payment_timeout")


async def keep_timing_out(deps: OrderDependencies, *, seconds: float) -> None:
    """For ever; while the database or payment is away it tries again."""

    async def all_overdue() -> None:
        while await time_out_overdue(deps) == BATCH:
            pass

    await every(seconds, all_overdue, waits="time_out_waits")


async def time_out_overdue(deps: OrderDependencies, *, batch: int = BATCH) -> int:
    """Decides one batch and returns how many orders were decided."""
    async with deps.transactions() as uow:
        overdue = await store.find_overdue(uow, batch)
    if not overdue:
        return 0
    sealed = await deps.payments.seal(overdue)
    return await in_transaction(deps.transactions, lambda uow: _decide(deps, uow, overdue, sealed))


async def _decide(deps: OrderDependencies, uow: UnitOfWork, order_ids: Collection[str], sealed: Sealed) -> int:
    closed = frozenset(sealed.closed)
    found = (await store.lock_all(uow, order_ids)).values()
    moves = [_move(deps, order, closed, sealed.authorized) for order in found if order.state in OPEN_STATES]
    made = [move for move in moves if move is not None]
    await write(uow, made)
    return len(made)


def _move(deps: OrderDependencies, order: Order, closed: Collection[str], paid: Mapping[str, str]) -> Move | None:
    payment_id = paid.get(order.order_id)
    if payment_id and order.allows(Trigger.AUTHORIZE):
        return moved(deps, order, Trigger.AUTHORIZE, DEADLINE, Changes(payment_id=payment_id))
    if order.order_id in closed:
        return moved(deps, order, Trigger.TIME_OUT, DEADLINE, UNPAID)
    return None
