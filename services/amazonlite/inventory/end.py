"""A held reservation ends once: confirmed, released or expired, whichever comes first, and all its units move then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.inventory import store
from amazonlite.inventory.book import book
from amazonlite.inventory.domain import TRANSITIONS, Ending, Entry, Reservation, ending_kind, entries_for
from amazonlite.inventory.flash_sale import store as sales
from amazonlite.inventory.flash_sale.domain import Sale


async def end_all(uow: UnitOfWork, held: Sequence[Reservation], ending: Ending) -> Mapping[str, Sale]:
    """``held`` are HELD and locked by this transaction; the sales they are of come back."""
    if not held:
        return {}
    # A bought unit is sold whatever became of the sale; where others go, the sale's state says.
    asking = {r.sale_id for r in held if r.sale_id is not None and ending is not Ending.CONFIRM}
    on_sale = await sales.lock_all(uow, asking)
    keeping = {sale.id for sale in on_sale.values() if sale.keeps_returns}
    entries: list[Entry] = []
    for reservation in held:
        of_sale = reservation.sale_id is not None
        kind = ending_kind(ending, of_sale=of_sale, sale_keeps=reservation.sale_id in keeping)
        entries += entries_for(reservation, kind)
    await store.end_reservations(uow, [r.id for r in held], TRANSITIONS[held[0].state, ending])
    await book(uow, entries)
    return on_sale
