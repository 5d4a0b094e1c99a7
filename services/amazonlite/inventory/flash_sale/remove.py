"""Takes a sale back, whatever state it is in: aborted, unpaid holds ended, paid ones sold, unsold units returned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import IntegrityError

from amazonlite.common.core.money import Money
from amazonlite.common.core.operator_step import OperatorStep
from amazonlite.common.data.errors import StoreContended
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.inventory.flash_sale import store as sales
from amazonlite.inventory.flash_sale.allocate import TOMBSTONE
from amazonlite.inventory.flash_sale.change_state import change_state
from amazonlite.inventory.flash_sale.dependencies import SaleDependencies
from amazonlite.inventory.flash_sale.domain import Admission, Counters, Sale, SaleAudit, SaleState, Terms
from amazonlite.inventory.flash_sale.settle import settle
from amazonlite.inventory.reservations.expire import end_unless_paid
from amazonlite.inventory.reservations.store import Overdue

BATCH = 200


async def remove(deps: SaleDependencies, sale_id: str, step: OperatorStep) -> SaleAudit:
    """Repeatable from any point it was interrupted at. A settled sale stays as it is.

    Payment says which holds are paid; while it does not answer this is Unavailable, and the holds stay. A sale never
    allocated gets a tombstone, so that a late allocation of it cannot take stock that nobody would return.
    """
    sale = await in_transaction(deps.inventory.transactions, lambda uow: _found(uow, sale_id, step))
    if sale.state is not SaleState.SETTLED:
        await change_state(deps, sale_id, SaleState.ABORTED, step)
        await _end_holds(deps, sale)
    return await settle(deps, sale_id, step)


async def _end_holds(deps: SaleDependencies, sale: Sale) -> None:
    rehearsals = frozenset({sale.id} if sale.terms.rehearsal else ())
    while held := await _holds(deps, sale.id):
        if not await end_unless_paid(deps.inventory, held, rehearsals):
            raise StoreContended("the sale's holds are being ended by others this very moment", retry_after=1.0)


async def _holds(deps: SaleDependencies, sale_id: str) -> list[Overdue]:
    async with deps.inventory.transactions() as uow:
        return await sales.find_holds(uow, sale_id, BATCH)


async def _found(uow: UnitOfWork, sale_id: str, step: OperatorStep) -> Sale:
    found = await sales.find(uow, sale_id)
    if found is not None:
        return found[0]
    tombstone = _tombstone(sale_id, step)
    try:
        await sales.add(uow, tombstone)
    except IntegrityError as error:
        raise StoreContended("the sale was made this very moment") from error
    return tombstone


def _tombstone(sale_id: str, step: OperatorStep) -> Sale:
    never = datetime(2000, 1, 1, tzinfo=UTC)
    return Sale(
        id=sale_id,
        terms=Terms(sale_id, "", 0, Money(0, "XXX"), never, never, 1, timedelta(seconds=1), rehearsal=True),
        admission=Admission(max_active=1, rate_per_second=1),
        counters=Counters(),
        state=SaleState.ABORTED,
        version=1,
        fence=step.fence,
        fingerprint=TOMBSTONE,
        last_step=step.key,
        settled=True,
    )
