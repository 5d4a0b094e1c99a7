"""What a careful team builds without groups: a claim is one transaction, and its conditional update comes last.

The row that everybody wants is locked from that update to the commit only. In the rival's favour nobody checks under
the lock that a customer claims twice at once, which our own side does.
"""

from __future__ import annotations

from sqlalchemy import text

from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.inventory.dependencies import Dependencies
from amazonlite.inventory.flash_sale import store as sales
from amazonlite.inventory.flash_sale.commit_claims import event_of
from amazonlite.inventory.flash_sale.decide import Claim, Held, Outcome, decide
from amazonlite.inventory.flash_sale.errors import SaleNotFound, SoldOut
from amazonlite.inventory.reservations import store
from amazonlite.inventory.reservations.domain import entries_for
from amazonlite.inventory.stock import store as stocks
from amazonlite.inventory.stock.domain import EntryKind

_TAKE = text(
    "UPDATE flash_sale SET free = free - :n, held = held + :n WHERE id = :id AND state = 'LIVE' AND free >= :n"
)


async def claim_alone(deps: Dependencies, claim: Claim) -> Outcome:
    """The outcome of one claim, once it is committed."""
    return await in_transaction(deps.transactions, lambda uow: _decide_and_write(deps, uow, claim))


async def _decide_and_write(deps: Dependencies, uow: UnitOfWork, claim: Claim) -> Outcome:
    found = await sales.find(uow, claim.sale_id)
    if found is None:
        return SaleNotFound(claim.sale_id)
    sale, now = found
    holds = await sales.holds_of_customers(uow, claim.sale_id, {claim.customer_id})
    (outcome,) = decide(sale, now, [claim], holds, deps.ids)
    if not (isinstance(outcome, Held) and outcome.new):
        return outcome
    await store.add_reservations(uow, [outcome.hold])
    await stocks.add_entries(uow, entries_for(outcome.hold, EntryKind.HOLD))
    await uow.add_events([event_of(deps, sale, outcome, claim)])
    taken = await uow.execute(_TAKE, {"id": claim.sale_id, "n": claim.quantity})
    if not taken.rowcount:
        raise SoldOut(0)
    return outcome
