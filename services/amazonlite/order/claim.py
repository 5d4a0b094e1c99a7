"""A flash-sale claim becomes one RESERVED order; one whose hold expired before the claim arrived is born timed out."""

from __future__ import annotations

from dataclasses import replace

from amazonlite.common.core.clock import parse_iso
from amazonlite.common.core.event import Event
from amazonlite.common.core.money import Money
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.order import announce, store
from amazonlite.order.advance import advance, entry_of
from amazonlite.order.desk import OrderDesk
from amazonlite.order.domain import Cause, Changes, Line, Order, OrderState, Trigger, total_of


async def open_claimed_order(desk: OrderDesk, uow: UnitOfWork, event: Event) -> None:
    order = _order(desk, event)
    if await store.find(uow, order.order_id) is not None:
        return
    cause = Cause(event.type, event.id)
    overtaken = not await store.record_first(uow, order.order_id, entry_of(desk, order, cause))
    if overtaken:
        order = replace(order, version=2)
        await store.record(uow, order.order_id, entry_of(desk, order, cause))
    await store.add(uow, order)
    await uow.add_event(announce.created(desk, order))
    if overtaken:
        await advance(desk, uow, order, Trigger.TIME_OUT, cause, Changes(reason="hold_expired"))


def _order(desk: OrderDesk, event: Event) -> Order:
    data = event.data
    lines = (Line(data["sku"], data["quantity"], Money.from_dict(data["unitPrice"])),)
    return Order(
        order_id=data["orderId"],
        customer_id=data["customerId"],
        state=OrderState.RESERVED,
        lines=lines,
        total=total_of(lines),
        pay_before=parse_iso(data["payBefore"]),
        created_at=desk.clock.now(),
        sale_id=data["saleId"],
        reservation_id=data["holdId"],
    )
