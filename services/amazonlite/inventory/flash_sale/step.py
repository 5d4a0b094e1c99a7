"""The operator's steps on a sale: each repeatable under its key, and refused once a newer operator has spoken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from amazonlite.common.core.operator_step import OperatorStep
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.inventory.flash_sale import store as sales
from amazonlite.inventory.flash_sale.dependencies import SaleDependencies
from amazonlite.inventory.flash_sale.domain import Sale
from amazonlite.inventory.flash_sale.errors import QueueUnavailable, SaleNotFound
from amazonlite.inventory.flash_sale.queue_store import REBUILD_GRACE

Change = Callable[[UnitOfWork, Sale], Awaitable[Sale]]


def taken(sale: Sale, step: OperatorStep) -> Sale:
    """The sale with the step noted; StaleFence when a newer operator has acted on it."""
    step.check(sale.fence, about="sale")
    return replace(sale, fence=step.fence, last_step=step.key)


async def take_step(deps: SaleDependencies, sale_id: str, step: OperatorStep, change: Change) -> tuple[Sale, datetime]:
    """Runs ``change`` under the sale's lock and saves what it makes of the sale.

    A change makes the sale as wanted rather than different from before, so that a repeated step changes nothing.
    """

    async def work(uow: UnitOfWork) -> tuple[Sale, datetime]:
        found = await sales.lock(uow, sale_id)
        if found is None:
            raise SaleNotFound(sale_id)
        sale, now = found
        changed = await change(uow, taken(sale, step))
        if (changed.state, changed.admission) != (sale.state, sale.admission):
            changed = replace(changed, version=sale.version + 1)
        await sales.save(uow, changed)
        return (await sales.find(uow, sale_id)) or (changed, now)

    saved, now = await in_transaction(deps.inventory.transactions, work)
    await tell_queue(deps, saved, now)
    return saved, now


async def tell_queue(deps: SaleDependencies, sale: Sale, now: datetime, *, grace: timedelta = REBUILD_GRACE) -> None:
    """The queue learns of a change at once; if it is away, from the next admission that reaches it."""
    async with deps.inventory.transactions() as uow:
        known = await sales.turnout(uow, sale.id)
    with suppress(QueueUnavailable):
        await deps.queue.tick(sale, now, known, grace=grace)
