"""One claim, from the ticket to the committed hold.

Redis says whether it is the shopper's turn, MySQL decides whether there is a unit; only what is committed is answered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from amazonlite.common.core.errors import DomainError
from amazonlite.inventory.flash_sale import store as sales
from amazonlite.inventory.flash_sale.decide import Claim, Held, Outcome, replayed
from amazonlite.inventory.flash_sale.desk import SaleDesk
from amazonlite.inventory.flash_sale.errors import (
    CustomerLimitReached,
    NotAdmitted,
    QueueUnavailable,
    SaleNotOpen,
    SoldOut,
)
from amazonlite.inventory.flash_sale.metrics import CLAIM_SECONDS, CLAIMS
from amazonlite.inventory.flash_sale.queue import look
from amazonlite.inventory.flash_sale.queue_store import Place, QueueStore, Standing
from amazonlite.inventory.flash_sale.ticket import Ticket


async def claim_units(desk: SaleDesk, claim: Claim, ticket: Ticket) -> Held:
    """The hold. The same claim again gets the same hold, whether or not the shopper still has a place."""
    started = time.perf_counter()
    outcome = "internal_error"
    try:
        held = await _claim(desk, claim, ticket)
        outcome = "held" if held.new else "replayed"
        return held
    except DomainError as refusal:
        outcome = refusal.code
        raise
    finally:
        CLAIMS.labels(claim.sale_id, outcome).inc()
        CLAIM_SECONDS.labels(claim.sale_id).observe(time.perf_counter() - started)


async def _claim(desk: SaleDesk, claim: Claim, ticket: Ticket) -> Held:
    place = await look(desk, ticket)
    if place.standing is Standing.ADMITTED:
        return await desk.batcher.claim(claim)
    earlier = await _earlier(desk, claim)
    if isinstance(earlier, Held):
        return earlier
    raise earlier or _refusal(place)


async def _earlier(desk: SaleDesk, claim: Claim) -> Outcome | None:
    """What the same claim got before: its first answer may have been lost, and the place was freed with it."""
    async with desk.desk.transactions() as uow:
        hold = await sales.hold_of_claim(uow, claim.claim_key)
        found = await sales.find(uow, claim.sale_id) if hold is not None else None
    if hold is None or found is None:
        return None
    return replayed(found[0], hold, claim)


def _refusal(place: Place) -> DomainError:
    if place.reason == "sold_out":
        return SoldOut()
    if place.standing is Standing.CLOSED:
        return SaleNotOpen(place.sale_state, place.reason)
    return NotAdmitted(place.standing)


class PlaceFreer:
    """Frees the places of those who have got all they may; if Redis is away their leases run out by themselves."""

    def __init__(self, queue: QueueStore) -> None:
        self._queue = queue
        self._freeing: set[asyncio.Task[None]] = set()

    def __call__(self, sale_id: str, claims: Sequence[Claim], outcomes: Sequence[Outcome]) -> None:
        answered = zip(claims, outcomes, strict=True)
        done = [claim.customer_id for claim, outcome in answered if isinstance(outcome, Held | CustomerLimitReached)]
        if done:
            task = asyncio.create_task(self._free(sale_id, done))
            self._freeing.add(task)
            task.add_done_callback(self._freeing.discard)

    async def _free(self, sale_id: str, customers: Sequence[str]) -> None:
        try:
            await self._queue.leave(sale_id, customers)
        except QueueUnavailable:
            return
