"""Releases an order's reservation: its goods can be bought by others."""

from __future__ import annotations

from dataclasses import replace

from amazonlite.common.core.certain import certain
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.inventory.dependencies import Dependencies
from amazonlite.inventory.reservations import store
from amazonlite.inventory.reservations.domain import Ending, Reservation, ReservationAlreadyDecided, ReservationState
from amazonlite.inventory.reservations.end import end_all


async def release(deps: Dependencies, uow: UnitOfWork, order_id: str) -> Reservation:
    """Again, or after it expired, is no change. Before the reservation came, a tombstone keeps it from being made.

    One that was confirmed first stays so: ReservationAlreadyDecided.
    """
    found = await store.lock_reservation(uow, order_id)
    if found is None:
        tombstone = Reservation(deps.ids("res"), order_id, ReservationState.RELEASED, deps.clock.now())
        if await store.add_reservation(uow, tombstone):
            return tombstone
        found = certain(await store.lock_reservation(uow, order_id), "reservations are never deleted")
    if found.state is ReservationState.CONFIRMED:
        raise ReservationAlreadyDecided(found.state)
    if found.state is not ReservationState.HELD:
        return found
    await end_all(uow, [found], Ending.RELEASE)
    return replace(found, state=ReservationState.RELEASED)
