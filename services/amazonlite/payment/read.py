"""Payments as their owners and the shop's services may see them; everybody else is told that there is none."""

from __future__ import annotations

from amazonlite.common.core.viewer import Viewer
from amazonlite.payment import store
from amazonlite.payment.dependencies import PaymentDependencies
from amazonlite.payment.domain import Payment
from amazonlite.payment.errors import PaymentNotFound
from amazonlite.payment.store import SalePayments


def visible(payment: Payment | None, payment_id: str, viewer: Viewer) -> Payment:
    if payment is None or not payment.visible_to(viewer):
        raise PaymentNotFound(payment_id)
    return payment


async def get_payment(deps: PaymentDependencies, viewer: Viewer, payment_id: str) -> Payment:
    async with deps.transactions() as uow:
        return visible(await store.find(uow, payment_id), payment_id, viewer)


async def sum_sale(deps: PaymentDependencies, sale_id: str) -> SalePayments:
    async with deps.transactions() as uow:
        return await store.read_sale(uow, sale_id)
