"""Confirms reservations: their goods are bought and leave the stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.inventory.dependencies import Dependencies
from amazonlite.inventory.reservations.domain import Ending, Reservation
from amazonlite.inventory.reservations.end import end_all

CONFIRMED = "inventory.confirmed.v1"


async def confirm_held(
    deps: Dependencies, uow: UnitOfWork, held: Sequence[Reservation], payments: Mapping[str, str]
) -> None:
    """``held`` are HELD and locked by this transaction; ``payments`` has the payment of each order, where known.

    A hold past its time is confirmed like any other: the customer has paid, and the units are there.
    """
    await end_all(uow, held, Ending.CONFIRM)
    await uow.add_events(
        [
            deps.event(CONFIRMED, r.order_id, reservationId=r.id, saleId=r.sale_id, paymentId=payments.get(r.order_id))
            for r in held
        ]
    )
