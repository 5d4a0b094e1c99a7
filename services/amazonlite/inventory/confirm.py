"""Confirms an order's reservation: its goods are bought and leave the stock."""

from __future__ import annotations

from dataclasses import replace

from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.inventory import store
from amazonlite.inventory.desk import Desk
from amazonlite.inventory.domain import (
    Ending,
    Reservation,
    ReservationAlreadyDecided,
    ReservationNotFound,
    ReservationState,
)
from amazonlite.inventory.end import end_all

CONFIRMED = "inventory.confirmed.v1"


async def confirm(desk: Desk, uow: UnitOfWork, order_id: str) -> Reservation:
    """Again is no change. One that expired or was released first stays so: ReservationAlreadyDecided.

    A hold past its time that no sweep has ended yet is confirmed: the customer has paid, and the units are there.
    """
    found = await store.lock_reservation(uow, order_id)
    if found is None:
        raise ReservationNotFound(order_id)
    if found.state is ReservationState.CONFIRMED:
        return found
    if found.state is not ReservationState.HELD:
        raise ReservationAlreadyDecided(found.state)
    await uow.add_event(desk.event(CONFIRMED, order_id, reservationId=found.id))
    await end_all(uow, [found], Ending.CONFIRM)
    return replace(found, state=ReservationState.CONFIRMED)
