"""A paid order is confirmed without waiting for the payment's event; the payment service has the last word."""

from __future__ import annotations

from amazonlite.common.core.viewer import Viewer
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.order import store
from amazonlite.order.advance import advance
from amazonlite.order.dependencies import OrderDependencies
from amazonlite.order.domain import PAID_STATES, Cause, Changes, Order, OrderState, Trigger
from amazonlite.order.errors import OrderAlreadyDecided, OrderNotReady, PaymentNotAuthorized
from amazonlite.order.read import get_order, visible


async def confirm_order(deps: OrderDependencies, viewer: Viewer, order_id: str, payment_id: str) -> Order:
    """Confirming twice with one payment gives the same order again. No transaction waits for the payment service."""
    if _undecided(await get_order(deps, viewer, order_id), payment_id):
        await _require_held_payment(deps, order_id, payment_id)

    async def work(uow: UnitOfWork) -> Order:
        order = visible(await store.lock(uow, order_id), order_id, viewer)
        if not _undecided(order, payment_id):
            return order
        changes = Changes(payment_id=payment_id)
        return await advance(deps, uow, order, Trigger.AUTHORIZE, Cause("confirm"), changes)

    return await in_transaction(deps.transactions, work)


def _undecided(order: Order, payment_id: str) -> bool:
    """False when this payment has won already; raises when the order cannot be confirmed (now or ever)."""
    if order.state in PAID_STATES and order.payment_id == payment_id:
        return False
    if order.state is OrderState.PENDING:
        raise OrderNotReady(order)
    if not order.allows(Trigger.AUTHORIZE):
        raise OrderAlreadyDecided(order)
    return True


async def _require_held_payment(deps: OrderDependencies, order_id: str, payment_id: str) -> None:
    payment = await deps.payments.find(payment_id)
    if payment is None or payment.order_id != order_id or not payment.held:
        raise PaymentNotAuthorized(
            f"Payment {payment_id} holds no money for this order.", next_step="Confirm the payment first."
        )
