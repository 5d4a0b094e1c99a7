"""A reservation's state and its units change together, by the table of what may follow what."""

from __future__ import annotations

from collections.abc import Sequence

from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.inventory import allocation, store
from amazonlite.inventory.book import book
from amazonlite.inventory.domain import TRANSITIONS, Ending, Entry, Reservation, ending_kind, entries_for


async def end_all(uow: UnitOfWork, ended: Sequence[Reservation], ending: Ending) -> None:
    """``ended`` are of one state, from which ``ending`` is possible, and locked by this transaction."""
    if not ended:
        return
    # A bought unit is sold whatever became of the sale; where others go, the sale's state says.
    asking = {r.sale_id for r in ended if r.sale_id is not None and ending is not Ending.CONFIRM}
    keeping = await allocation.lock_open(uow, asking)
    entries: list[Entry] = []
    for reservation in ended:
        of_sale = reservation.sale_id is not None
        kind = ending_kind(ending, of_sale=of_sale, sale_keeps=reservation.sale_id in keeping)
        entries += entries_for(reservation, kind)
    await store.end_reservations(uow, [r.id for r in ended], TRANSITIONS[ended[0].state, ending])
    await book(uow, entries)
