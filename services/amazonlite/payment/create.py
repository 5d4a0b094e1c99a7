"""An order gets one payment intent, over exactly its total, and only while it can be paid."""

from __future__ import annotations

from amazonlite.common.core.viewer import Viewer
from amazonlite.common.data.idempotency import StoredAnswer, fingerprint_of, run_idempotent, scope_of
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.payment import store
from amazonlite.payment.desk import PaymentDesk
from amazonlite.payment.domain import Payment, PaymentState
from amazonlite.payment.errors import OrderNotPayable, OrderNotReady
from amazonlite.payment.ports import OrderFact
from amazonlite.payment.schemas import PaymentView


async def create_intent(desk: PaymentDesk, viewer: Viewer, order_id: str, *, key: str) -> StoredAnswer:
    """201 with a new intent; 200 with the one the order has, when another key asks."""

    async def work(uow: UnitOfWork) -> StoredAnswer:
        # No statement runs before the order is there, so that no transaction waits for another service.
        order = await _order_of(desk, viewer, order_id)
        existing = await store.find_by_order(uow, order_id)
        if existing is not None:
            return _answer(200, existing)
        _refuse_unpayable(desk, order)
        return await _open(desk, uow, order)

    return await run_idempotent(
        desk.transactions,
        scope=scope_of("intents", viewer.subject),
        key=key,
        fingerprint=fingerprint_of("POST", "/api/payments/intents", viewer.subject, order_id),
        work=work,
        clock=desk.clock,
    )


async def _order_of(desk: PaymentDesk, viewer: Viewer, order_id: str) -> OrderFact:
    """A stranger's order looks like one that is not there yet."""
    order = await desk.orders.find(order_id)
    if order is None or not (viewer.internal or viewer.subject == order.customer_id) or order.state == "PENDING":
        raise OrderNotReady(order_id)
    return order


def _refuse_unpayable(desk: PaymentDesk, order: OrderFact) -> None:
    if order.state != "RESERVED":
        raise OrderNotPayable(f"The order is {order.state}.", orderState=order.state)
    if order.pay_before <= desk.clock.now():
        raise OrderNotPayable("The time to pay has passed.", orderState=order.state)


async def _open(desk: PaymentDesk, uow: UnitOfWork, order: OrderFact) -> StoredAnswer:
    payment = _intent(desk, order)
    if await store.take_slot(uow, order.order_id, payment.payment_id):
        await store.add(uow, payment)
        return _answer(201, payment)
    first = await store.find_by_order(uow, order.order_id)
    if first is None:  # the news that the order closed overtook this request
        raise OrderNotPayable("The order was closed a moment ago.")
    return _answer(200, first)


def _intent(desk: PaymentDesk, order: OrderFact) -> Payment:
    return Payment(
        payment_id=desk.ids("pay"),
        order_id=order.order_id,
        customer_id=order.customer_id,
        state=PaymentState.REQUIRES_CONFIRMATION,
        amount=order.total,
        pay_before=order.pay_before,
        created_at=desk.clock.now(),
        sale_id=order.sale_id,
    )


def _answer(status: int, payment: Payment) -> StoredAnswer:
    return StoredAnswer(status, PaymentView.of(payment).as_json())
