"""A customer cancels an unpaid order; whatever decided the order before is not undone."""

from __future__ import annotations

from amazonlite.common.core.viewer import Viewer
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.order import store
from amazonlite.order.advance import advance
from amazonlite.order.dependencies import OrderDependencies
from amazonlite.order.domain import Cause, Changes, Order, OrderState, Trigger
from amazonlite.order.errors import OrderAlreadyDecided
from amazonlite.order.read import visible


async def cancel_order(deps: OrderDependencies, viewer: Viewer, order_id: str) -> Order:
    """Cancelling what is cancelled gives the same order again."""

    async def work(uow: UnitOfWork) -> Order:
        order = visible(await store.lock(uow, order_id), order_id, viewer)
        if order.state is OrderState.CANCELLED:
            return order
        if not order.allows(Trigger.CANCEL):
            raise OrderAlreadyDecided(order)
        return await advance(deps, uow, order, Trigger.CANCEL, Cause("cancel"), Changes(reason="customer_cancelled"))

    return await in_transaction(deps.transactions, work)
