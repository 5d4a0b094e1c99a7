"""A group of claims on one sale is decided and written in one transaction: all of it happens, or nothing does.

The sale's row lock makes the groups of all pods take turns, and whatever decides (state, window, free units, limits) is
read under it. Each new hold comes with its ledger entry and its event.
"""

from __future__ import annotations

from collections.abc import Sequence

from amazonlite.common.core.clock import iso
from amazonlite.common.core.event import Event, new_event
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.inventory.dependencies import SOURCE, Dependencies
from amazonlite.inventory.flash_sale import store as sales
from amazonlite.inventory.flash_sale.decide import Claim, Held, Outcome, decide
from amazonlite.inventory.flash_sale.domain import Sale
from amazonlite.inventory.flash_sale.errors import SaleNotFound
from amazonlite.inventory.reservations import store
from amazonlite.inventory.reservations.domain import entries_for
from amazonlite.inventory.stock.book import book
from amazonlite.inventory.stock.domain import EntryKind

CLAIMED = "flash-sale.claimed.v1"


async def commit_claims(deps: Dependencies, sale_id: str, claims: Sequence[Claim]) -> list[Outcome]:
    """An outcome for each claim, in their order, once all are committed."""
    return await in_transaction(deps.transactions, lambda uow: _decide_and_write(deps, uow, sale_id, claims))


async def _decide_and_write(
    deps: Dependencies, uow: UnitOfWork, sale_id: str, claims: Sequence[Claim]
) -> list[Outcome]:
    found = await sales.lock(uow, sale_id)
    if found is None:
        return [SaleNotFound(sale_id) for _ in claims]
    sale, now = found
    holds = await sales.holds_of_customers(uow, sale_id, {claim.customer_id for claim in claims})
    outcomes = decide(sale, now, claims, holds, deps.ids)
    new = [(o, claim) for o, claim in zip(outcomes, claims, strict=True) if isinstance(o, Held) and o.new]
    if new:
        await store.add_reservations(uow, [held.hold for held, _ in new])
        await book(uow, [entry for held, _ in new for entry in entries_for(held.hold, EntryKind.HOLD)])
        # Nobody pays in a rehearsal: its holds make no orders and simply expire.
        if not sale.terms.rehearsal:
            await uow.add_events([event_of(deps, sale, held, claim) for held, claim in new])
    return outcomes


def event_of(deps: Dependencies, sale: Sale, held: Held, claim: Claim) -> Event:
    """The news of a new hold."""
    hold = held.hold
    data = {
        "saleId": sale.id,
        "holdId": hold.id,
        "orderId": hold.order_id,
        "customerId": hold.customer_id,
        "sku": sale.terms.sku,
        "quantity": hold.units,
        "unitPrice": held.unit_price.as_dict(),
        "payBefore": iso(hold.expires_at),
    }
    return new_event(
        CLAIMED,
        hold.order_id,
        data,
        source=SOURCE,
        clock=deps.clock,
        ids=deps.ids,
        correlation_id=claim.correlation_id,
        traceparent=claim.traceparent,
    )
