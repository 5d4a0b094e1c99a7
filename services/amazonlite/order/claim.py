"""A flash-sale claim becomes one RESERVED order; one whose hold expired before the claim arrived is born timed out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from amazonlite.common.core.context import following
from amazonlite.common.core.event import Event
from amazonlite.common.data.errors import met_another
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.order import announce, store
from amazonlite.order.advance import advance, entry_of
from amazonlite.order.dependencies import OrderDependencies
from amazonlite.order.domain import Cause, Changes, Order, Trigger
from amazonlite.order.ports import ClaimFact

CLAIMED, EXPIRED = "flash-sale.claimed.v1", "inventory.expired.v1"


async def open_claimed_orders(deps: OrderDependencies, uow: UnitOfWork, events: Sequence[Event]) -> None:
    claims = {event.data["orderId"]: (ClaimFact.of(event.data), event) for event in events}
    known = await store.known(uow, claims)
    for order_id in sorted(known):
        await open_claimed_order(deps, uow, claims[order_id][0], _cause(claims[order_id][1]))
    await _open_new(deps, uow, [pair for order_id, pair in claims.items() if order_id not in known])


async def open_claimed_order(deps: OrderDependencies, uow: UnitOfWork, claim: ClaimFact, cause: Cause) -> None:
    """Again is no change. The timeline's first place makes two that open the same order wait for one another."""
    order = claim.order(deps.clock.now())
    overtaken = not await store.record_first(uow, order.order_id, entry_of(deps, order, cause))
    if overtaken and await store.find(uow, order.order_id) is not None:
        return
    if overtaken:
        order = replace(order, version=2)
        await store.record_all(uow, [(order.order_id, entry_of(deps, order, cause))])
    await store.add_all(uow, [order])
    await uow.add_event(announce.created(deps, order))
    if overtaken and (await store.timeline(uow, order.order_id))[0].cause.name == EXPIRED:
        await advance(deps, uow, order, Trigger.TIME_OUT, cause, Changes(reason="hold_expired"))


async def _open_new(deps: OrderDependencies, uow: UnitOfWork, claims: Sequence[tuple[ClaimFact, Event]]) -> None:
    opened = [(claim.order(deps.clock.now()), event) for claim, event in claims]
    with met_another():
        await store.record_all(uow, [(order.order_id, entry_of(deps, order, _cause(event))) for order, event in opened])
        await store.add_all(uow, [order for order, _ in opened])
    await uow.add_events([_created(deps, order, event) for order, event in opened])


def _created(deps: OrderDependencies, order: Order, claimed: Event) -> Event:
    with following(claimed.correlation_id, claimed.traceparent):
        return announce.created(deps, order)


def _cause(event: Event) -> Cause:
    return Cause(event.type, event.id)
