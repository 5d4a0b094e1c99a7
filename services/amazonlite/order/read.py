"""Orders as their owners and the shop's services may see them; everybody else is told that there is none."""

from __future__ import annotations

from collections.abc import Sequence

from amazonlite.common.core.viewer import Viewer
from amazonlite.order import store
from amazonlite.order.dependencies import OrderDependencies
from amazonlite.order.domain import Order, TimelineEntry
from amazonlite.order.errors import OrderNotFound
from amazonlite.order.late_claim import open_late
from amazonlite.order.store import Outcome, PageKey, StateCount


def visible(order: Order | None, order_id: str, viewer: Viewer) -> Order:
    if order is None or not order.visible_to(viewer):
        raise OrderNotFound(order_id)
    return order


async def get_order(deps: OrderDependencies, viewer: Viewer, order_id: str) -> Order:
    """The order; one whose claim was heard of by nobody yet is opened now (see ``late_claim``)."""
    async with deps.transactions() as uow:
        found = await store.find(uow, order_id)
    return visible(found or await open_late(deps, order_id), order_id, viewer)


async def get_timeline(deps: OrderDependencies, viewer: Viewer, order_id: str) -> list[TimelineEntry]:
    async with deps.transactions() as uow:
        visible(await store.find(uow, order_id), order_id, viewer)
        return await store.timeline(uow, order_id)


async def list_orders(
    deps: OrderDependencies, viewer: Viewer, after: PageKey | None, limit: int
) -> tuple[list[Order], PageKey | None]:
    """One page, newest first, and the place the next one starts after (None at the end)."""
    async with deps.transactions() as uow:
        found = await store.page(uow, viewer.subject, after, limit + 1)
    orders = found[:limit]
    more = len(found) > limit
    return orders, PageKey(orders[-1].created_at, orders[-1].order_id) if more else None


async def get_outcomes(deps: OrderDependencies, order_ids: Sequence[str]) -> list[Outcome]:
    """Of those that there are."""
    async with deps.transactions() as uow:
        return await store.find_outcomes(uow, order_ids)


async def count_sale(deps: OrderDependencies, sale_id: str) -> list[StateCount]:
    async with deps.transactions() as uow:
        return await store.count_by_state(uow, sale_id)
