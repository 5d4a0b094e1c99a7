"""Every unpaid reservation goes back within seconds of its time, whichever pods are alive.

Whether it is unpaid, payment decides: it is asked to seal the orders first, and those it names as paid are confirmed
instead. While payment does not answer nothing goes back, because a customer may have been told that the order is paid.
"""

from __future__ import annotations

from collections.abc import Sequence

from amazonlite.common.background.every import every
from amazonlite.common.core.event import Event
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.inventory.dependencies import Dependencies
from amazonlite.inventory.ports import Sealed
from amazonlite.inventory.reservations import store
from amazonlite.inventory.reservations.confirm import confirm_held
from amazonlite.inventory.reservations.domain import Ending, Reservation
from amazonlite.inventory.reservations.end import end_all
from amazonlite.inventory.reservations.store import Overdue
from amazonlite.inventory.stock import allocation

EVERY_SECONDS = 1.0
BATCH = 200
EXPIRED = "inventory.expired.v1"


async def keep_expiring(deps: Dependencies) -> None:
    """A sweep a second, for ever; while the database or payment is away it tries again."""
    await every(EVERY_SECONDS, lambda: expire_overdue(deps), waits="expiry_waits")


async def expire_overdue(deps: Dependencies) -> int:
    """How many ended, unpaid or paid. Pods may do the same work side by side: each row is ended once."""
    ended = 0
    while True:
        async with deps.transactions() as uow:
            overdue = await store.find_overdue(uow, BATCH)
            rehearsals = await allocation.rehearsals(uow, {one.sale_id for one in overdue if one.sale_id})
        batch = await end_unless_paid(deps, overdue, rehearsals)
        ended += batch
        if batch < BATCH:
            return ended


async def end_unless_paid(deps: Dependencies, held: Sequence[Overdue], rehearsals: frozenset[str]) -> int:
    """How many of these ended. Nobody pays for a rehearsal's holds, so payment is not asked about those."""
    shadows = [one.id for one in held if one.sale_id in rehearsals]
    real = [one for one in held if one.sale_id not in rehearsals]
    sealed = await deps.payments.seal([one.order_id for one in real]) if real else Sealed((), {})
    paid = [one.id for one in real if one.order_id in sealed.authorized]
    closed = [one.id for one in real if one.order_id in set(sealed.closed)]
    return await _confirm(deps, paid, sealed) + await _expire(deps, closed) + await _expire(deps, shadows, tell=False)


async def _confirm(deps: Dependencies, ids: Sequence[str], sealed: Sealed) -> int:
    async def work(uow: UnitOfWork) -> int:
        held = await store.lock_held(uow, ids)
        await confirm_held(deps, uow, held, sealed.authorized)
        return len(held)

    return await in_transaction(deps.transactions, work) if ids else 0


async def _expire(deps: Dependencies, ids: Sequence[str], *, tell: bool = True) -> int:
    async def work(uow: UnitOfWork) -> int:
        held = await store.lock_held(uow, ids)
        await end_all(uow, held, Ending.EXPIRE)
        await uow.add_events([_expired(deps, one) for one in held if tell])
        return len(held)

    return await in_transaction(deps.transactions, work) if ids else 0


def _expired(deps: Dependencies, reservation: Reservation) -> Event:
    return deps.event(EXPIRED, reservation.order_id, reservationId=reservation.id, saleId=reservation.sale_id)
