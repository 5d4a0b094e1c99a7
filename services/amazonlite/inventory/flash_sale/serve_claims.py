"""A group of claims on one sale: the queue says whose turn it is, then one transaction serves all of those."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from amazonlite.common.core.errors import DomainError
from amazonlite.inventory.flash_sale import store as sales
from amazonlite.inventory.flash_sale.commit_claims import commit_claims
from amazonlite.inventory.flash_sale.decide import Claim, Held, Outcome, replayed
from amazonlite.inventory.flash_sale.dependencies import QueueDependencies
from amazonlite.inventory.flash_sale.errors import (
    CustomerLimitReached,
    NotAdmitted,
    QueueUnavailable,
    SaleNotOpen,
    SoldOut,
)
from amazonlite.inventory.flash_sale.queue import look_all
from amazonlite.inventory.flash_sale.queue_store import QueuePosition, QueueStore, Standing
from amazonlite.inventory.flash_sale.ticket import Ticket


class ClaimServer:
    """What the batcher calls; an outcome for each claim, in their order."""

    def __init__(self, deps: QueueDependencies) -> None:
        self._deps = deps
        self._freer = PlaceReleaser(deps.queue)

    async def __call__(self, sale_id: str, claims: Sequence[Claim]) -> list[Outcome]:
        tickets = [Ticket(sale_id, claim.customer_id, claim.arrival) for claim in claims]
        asked = list(zip(claims, await look_all(self._deps, sale_id, tickets), strict=True))
        served = iter(await self._served(sale_id, [claim for claim, place in asked if _admitted(place)]))
        others = iter(await _others(self._deps, sale_id, [one for one in asked if not _admitted(one[1])]))
        return [next(served if _admitted(place) else others) for _, place in asked]

    async def _served(self, sale_id: str, claims: Sequence[Claim]) -> list[Outcome]:
        if not claims:
            return []
        outcomes = await commit_claims(self._deps.inventory, sale_id, claims)
        answered = zip(claims, outcomes, strict=True)
        done = [claim.customer_id for claim, outcome in answered if isinstance(outcome, Held | CustomerLimitReached)]
        self._freer.free(sale_id, done)
        return outcomes


class PlaceReleaser:
    """Frees the places of those who have got all they may; if Redis is away their leases run out by themselves."""

    def __init__(self, queue: QueueStore) -> None:
        self._queue = queue
        self._freeing: set[asyncio.Task[None]] = set()

    def free(self, sale_id: str, customers: Sequence[str]) -> None:
        if customers:
            task = asyncio.create_task(self._free(sale_id, customers))
            self._freeing.add(task)
            task.add_done_callback(self._freeing.discard)

    async def _free(self, sale_id: str, customers: Sequence[str]) -> None:
        try:
            await self._queue.leave(sale_id, customers)
        except QueueUnavailable:
            return


async def _others(deps: QueueDependencies, sale_id: str, asked: Sequence[tuple[Claim, QueuePosition]]) -> list[Outcome]:
    """Whose turn it is not: what the same claim got before (its answer may have been lost, and the place was freed
    with it), or why not."""
    if not asked:
        return []
    keys = [claim.claim_key for claim, _ in asked]
    async with deps.inventory.transactions() as uow:
        holds = await sales.holds_of_claims(uow, keys)
        found = await sales.find(uow, sale_id) if holds else None
    return [
        replayed(found[0], holds[key], claim) if found and key in holds else _refusal(place)
        for key, (claim, place) in zip(keys, asked, strict=True)
    ]


def _admitted(place: QueuePosition) -> bool:
    return place.standing is Standing.ADMITTED


def _refusal(place: QueuePosition) -> DomainError:
    if place.reason == "sold_out":
        return SoldOut()
    if place.standing is Standing.CLOSED:
        return SaleNotOpen(place.sale_state, place.reason)
    return NotAdmitted(place.standing)
