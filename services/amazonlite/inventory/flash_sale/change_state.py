"""Moves a sale along its states. Claims see the new state with the next group, since they read it under the lock."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from amazonlite.common.core.operator_step import OperatorStep
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.inventory.flash_sale.dependencies import SaleDependencies
from amazonlite.inventory.flash_sale.domain import Sale, SaleState, next_state
from amazonlite.inventory.flash_sale.step import take_step
from amazonlite.inventory.stock.book import book
from amazonlite.inventory.stock.domain import Entry, EntryKind


async def change_state(
    deps: SaleDependencies, sale_id: str, wanted: SaleState, step: OperatorStep
) -> tuple[Sale, datetime]:
    """An aborted sale gives its free units back at once; holds may still be paid, or go back as they expire."""

    async def change(uow: UnitOfWork, sale: Sale) -> Sale:
        state = next_state(sale, wanted)
        if state is SaleState.ABORTED:
            await return_free(uow, sale)
        return replace(sale, state=state)

    return await take_step(deps, sale_id, step, change)


async def return_free(uow: UnitOfWork, sale: Sale) -> None:
    """What nobody holds or bought goes back to general stock. A closed sale has nothing free, so this happens once."""
    if sale.counters.free:
        entry = Entry(f"{sale.id}:{EntryKind.RETURN}", EntryKind.RETURN, sale.terms.sku, sale.counters.free, sale.id)
        await book(uow, [entry])
