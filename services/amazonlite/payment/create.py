"""An order gets one payment intent, over exactly its total, and only while it can be paid."""

from __future__ import annotations

from dataclasses import dataclass

from amazonlite.common.core.viewer import Viewer
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.payment import store
from amazonlite.payment.dependencies import PaymentDependencies
from amazonlite.payment.domain import Payment, PaymentState
from amazonlite.payment.errors import OrderNotPayable, OrderNotReady
from amazonlite.payment.ports import OrderFact


@dataclass(frozen=True, slots=True)
class Opened:
    """The one payment of an order, and whether it is new."""

    payment: Payment
    new: bool


async def order_to_pay(deps: PaymentDependencies, viewer: Viewer, order_id: str) -> OrderFact:
    """A stranger's order looks like one that is not there yet."""
    order = await deps.orders.find(order_id)
    if order is None or not (viewer.internal or viewer.subject == order.customer_id) or order.state == "PENDING":
        raise OrderNotReady(order_id)
    return order


async def open_intent(deps: PaymentDependencies, uow: UnitOfWork, order: OrderFact) -> Opened:
    """A new payment, or the one that the order has."""
    existing = await store.find_by_order(uow, order.order_id)
    if existing is not None:
        return Opened(existing, new=False)
    _refuse_unpayable(deps, order)
    payment = _intent(deps, order)
    if await store.reserve_order_payment(uow, order.order_id, payment.payment_id):
        await store.add(uow, payment)
        return Opened(payment, new=True)
    first = await store.find_by_order(uow, order.order_id)
    if first is None:  # the news that the order closed overtook this request
        raise OrderNotPayable("The order was closed a moment ago.")
    return Opened(first, new=False)


def _refuse_unpayable(deps: PaymentDependencies, order: OrderFact) -> None:
    if order.state != "RESERVED":
        raise OrderNotPayable(f"The order is {order.state}.", orderState=order.state)
    if order.pay_before <= deps.clock.now():
        raise OrderNotPayable("The time to pay has passed.", orderState=order.state)


def _intent(deps: PaymentDependencies, order: OrderFact) -> Payment:
    return Payment(
        payment_id=deps.ids("pay"),
        order_id=order.order_id,
        customer_id=order.customer_id,
        state=PaymentState.REQUIRES_CONFIRMATION,
        amount=order.total,
        pay_before=order.pay_before,
        created_at=deps.clock.now(),
        sale_id=order.sale_id,
    )
