"""Ends a sale for good: what was not sold is general stock again, and the books are shown."""

from __future__ import annotations

from dataclasses import replace

from amazonlite.common.core.operator_step import OperatorStep
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.inventory.flash_sale.change_state import return_free
from amazonlite.inventory.flash_sale.dependencies import SaleDependencies
from amazonlite.inventory.flash_sale.domain import Sale, SaleAudit, SaleState, next_state
from amazonlite.inventory.flash_sale.errors import HoldsOutstanding, IllegalSaleTransition
from amazonlite.inventory.flash_sale.read import audit_sale
from amazonlite.inventory.flash_sale.step import take_step
from amazonlite.inventory.stock.book import book
from amazonlite.inventory.stock.domain import Entry, EntryKind

SETTLEABLE = frozenset({SaleState.DRAINING, SaleState.ABORTED, SaleState.SETTLED})


async def settle(deps: SaleDependencies, sale_id: str, step: OperatorStep) -> SaleAudit:
    """HoldsOutstanding while a unit is held. Again: the same books, since nothing of a settled sale moves."""

    async def change(uow: UnitOfWork, sale: Sale) -> Sale:
        if sale.settled:
            return sale
        if sale.state not in SETTLEABLE:
            raise IllegalSaleTransition(sale.state, SaleState.SETTLED)
        if sale.counters.held:
            raise HoldsOutstanding(sale.counters.held)
        await return_free(uow, sale)
        if sale.terms.rehearsal:
            await _remove_shadow(uow, sale)
        ends_as = sale.state if sale.state is SaleState.ABORTED else next_state(sale, SaleState.SETTLED)
        return replace(sale, state=ends_as, settled=True)

    await take_step(deps, sale_id, step, change)
    return await audit_sale(deps.inventory, sale_id)


async def _remove_shadow(uow: UnitOfWork, sale: Sale) -> None:
    """The shadow's stock, all of it returned by now, was never real."""
    made = sale.terms.quantity - sale.counters.sold
    await book(uow, [Entry(f"{sale.id}:{EntryKind.ADJUST}:back", EntryKind.ADJUST, sale.terms.sku, -made)])
