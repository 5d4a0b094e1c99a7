"""Every unpaid reservation goes back within seconds of its time, whichever pods are alive."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from amazonlite.common.core.event import Event
from amazonlite.common.data.errors import StoreUnavailable
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.common.observe.logs import get_logger
from amazonlite.inventory import store
from amazonlite.inventory.desk import Desk
from amazonlite.inventory.domain import Ending, Reservation
from amazonlite.inventory.end import end_all

log = get_logger(__name__)

EVERY_SECONDS = 1.0
BATCH = 200
EXPIRED = "inventory.expired.v1"


async def keep_expiring(desk: Desk) -> None:
    """A sweep a second, for ever; while the database is away it tries again."""
    while True:
        try:
            await expire_overdue(desk)
        except StoreUnavailable as error:
            log.warning("expiry_waits_for_store", detail=error.detail)
        await asyncio.sleep(EVERY_SECONDS)


async def expire_overdue(desk: Desk) -> int:
    """How many were expired. Pods share the work: each skips what another has locked."""
    expired = 0
    while True:
        batch = await in_transaction(desk.transactions, lambda uow: _expire_batch(desk, uow))
        expired += batch
        if batch < BATCH:
            return expired


async def _expire_batch(desk: Desk, uow: UnitOfWork) -> int:
    overdue = await store.lock_overdue(uow, BATCH)
    await end_unpaid(desk, uow, overdue)
    return len(overdue)


async def end_unpaid(desk: Desk, uow: UnitOfWork, held: Sequence[Reservation]) -> None:
    """Ends held reservations for want of payment and tells their orders; a rehearsal's holds have none."""
    on_sale = await end_all(uow, held, Ending.EXPIRE)
    rehearsals = {sale.id for sale in on_sale.values() if sale.terms.rehearsal}
    await uow.add_events([_expired(desk, r) for r in held if r.sale_id not in rehearsals])


def _expired(desk: Desk, reservation: Reservation) -> Event:
    return desk.event(EXPIRED, reservation.order_id, reservationId=reservation.id, saleId=reservation.sale_id)
