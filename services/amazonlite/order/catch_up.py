"""An authorised order whose confirmation is late is confirmed by asking inventory whether its goods are sold.

Inventory sells the goods of every paid order at the latest when their time is over, so that an order never waits for an
event that was lost: put aside as a dead letter, or heard by an older release that did not understand it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from amazonlite.common.background.every import every
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.order import store
from amazonlite.order.advance import moved, write
from amazonlite.order.dependencies import OrderDependencies
from amazonlite.order.domain import Cause, Trigger

EVERY_SECONDS = 5.0
BATCH = 20
SOLD = Cause("goods sold")


async def keep_catching_up(deps: OrderDependencies) -> None:
    """For ever; while the database or inventory is away it tries again."""
    await every(EVERY_SECONDS, lambda: catch_up(deps), waits="catch_up_waits")


async def catch_up(deps: OrderDependencies) -> int:
    """Looks at one batch and returns how many orders were confirmed."""
    async with deps.transactions() as uow:
        waiting = await store.find_unconfirmed(uow, BATCH)
    answers = await asyncio.gather(*(deps.goods.are_sold(order_id) for order_id in waiting))
    sold = [order_id for order_id, is_sold in zip(waiting, answers, strict=True) if is_sold]
    return await in_transaction(deps.transactions, lambda uow: _confirm(deps, uow, sold)) if sold else 0


async def _confirm(deps: OrderDependencies, uow: UnitOfWork, order_ids: Collection[str]) -> int:
    found = (await store.lock_all(uow, order_ids)).values()
    moves = [moved(deps, order, Trigger.CONFIRM, SOLD) for order in found if order.allows(Trigger.CONFIRM)]
    await write(uow, moves)
    return len(moves)
