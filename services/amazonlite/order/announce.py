"""The events an order tells the other services, one for each state they act on."""

from __future__ import annotations

from typing import Any

from amazonlite.common.core.clock import iso
from amazonlite.common.core.event import Event, new_event
from amazonlite.order.dependencies import OrderDependencies
from amazonlite.order.domain import Order, OrderState

TYPES = {
    OrderState.AUTHORIZED: "order.authorized.v1",
    OrderState.CONFIRMED: "order.confirmed.v1",
    OrderState.COMPLETED: "order.completed.v1",
    OrderState.CANCELLED: "order.cancelled.v1",
    OrderState.TIMED_OUT: "order.timed-out.v1",
}


def created(deps: OrderDependencies, order: Order) -> Event:
    lines = [
        {"sku": line.sku, "quantity": line.quantity, "unitPrice": line.unit_price.as_dict()} for line in order.lines
    ]
    data = {**_parties(order), "lines": lines, "total": order.total.as_dict(), "payBefore": iso(order.pay_before)}
    return _event(deps, "order.created.v1", order, data)


def entered(deps: OrderDependencies, order: Order) -> Event | None:
    """The event of the state the order just entered; RESERVED and REJECTED concern nobody else."""
    kind = TYPES.get(order.state)
    return None if kind is None else _event(deps, kind, order, _parties(order) | _details(order))


def _parties(order: Order) -> dict[str, Any]:
    parties = {"orderId": order.order_id, "customerId": order.customer_id}
    return parties | ({"saleId": order.sale_id} if order.sale_id else {})


def _details(order: Order) -> dict[str, Any]:
    payment = {"paymentId": order.payment_id} if order.payment_id else {}
    if order.state in {OrderState.CANCELLED, OrderState.TIMED_OUT}:
        return {"reason": order.reason, **payment}
    if order.state is OrderState.CONFIRMED:
        return {"total": order.total.as_dict(), **payment}
    if order.state is OrderState.COMPLETED:
        return {"total": order.total.as_dict()}
    return payment


def _event(deps: OrderDependencies, kind: str, order: Order, data: dict[str, Any]) -> Event:
    return new_event(kind, order.order_id, data, source="/order", clock=deps.clock, ids=deps.ids)
