"""Before an order's goods go to somebody else, payment decides for good whether the order is paid.

Guarantee: an order once answered ``closed`` is never authorised, however late the provider or the customer speaks, and
one once answered ``authorized`` is never closed for want of time. Both are decided under the payment's row lock, so no
clock has to be right and the call may be repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.payment import store
from amazonlite.payment.dependencies import PaymentDependencies

MOST_ORDERS = 500
REASON = "payment_timeout"


@dataclass(frozen=True, slots=True)
class Sealed:
    """``closed`` orders are never paid any more; ``authorized`` has the payment of each order that is."""

    closed: Sequence[str]
    authorized: Mapping[str, str]


async def seal_orders(deps: PaymentDependencies, order_ids: Sequence[str]) -> Sealed:
    """All of the orders, in one transaction."""
    wanted = sorted(set(order_ids))

    async def work(uow: UnitOfWork) -> Sealed:
        await store.close_slots(uow, wanted)
        payments = await store.lock_by_orders(uow, wanted)
        await store.save_decided(uow, [sealed for p in payments if (sealed := p.sealed(REASON)) != p])
        paid = {payment.order_id: payment.payment_id for payment in payments if payment.binding}
        return Sealed([order_id for order_id in wanted if order_id not in paid], paid)

    async with deps.sealing:
        return await in_transaction(deps.transactions, work)
