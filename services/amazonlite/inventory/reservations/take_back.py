"""Goods of an order that is over are free again, held or sold; one that ended before it came never gets any."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from amazonlite.common.data.errors import met_another
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.inventory.dependencies import Dependencies
from amazonlite.inventory.reservations import store
from amazonlite.inventory.reservations.domain import Ending, Reservation, ReservationState
from amazonlite.inventory.reservations.end import end_all

_ENDINGS = {ReservationState.HELD: Ending.RELEASE, ReservationState.CONFIRMED: Ending.TAKE_BACK}


async def take_back(deps: Dependencies, uow: UnitOfWork, order_ids: Collection[str]) -> None:
    """Again, or after they expired, is no change."""
    found = await store.lock_reservations(uow, order_ids)
    for state, ending in _ENDINGS.items():
        await end_all(uow, [one for one in found if one.state is state], ending)
    with met_another():
        await store.add_reservations(uow, _tombstones(deps, set(order_ids) - {one.order_id for one in found}))


def _tombstones(deps: Dependencies, order_ids: Collection[str]) -> Sequence[Reservation]:
    now = deps.clock.now()
    return [Reservation(deps.ids("res"), order, ReservationState.RELEASED, now) for order in sorted(order_ids)]
