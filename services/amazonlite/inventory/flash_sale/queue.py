"""Shoppers queue before they may claim: they join, ask where they stand (which keeps their place), and leave."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from amazonlite.inventory.flash_sale import store as sales
from amazonlite.inventory.flash_sale.dependencies import QueueDependencies
from amazonlite.inventory.flash_sale.domain import CLOSED
from amazonlite.inventory.flash_sale.errors import QueueUnavailable, SaleNotFound, SaleNotOpen, SoldOut
from amazonlite.inventory.flash_sale.queue_store import QueuePosition, Standing
from amazonlite.inventory.flash_sale.ticket import Ticket

# Five thousand who wait then ask 250 times a second, which leaves two cores most of their time for claims.
SOONEST_POLL, LATEST_POLL = 1.0, 20.0


@dataclass(frozen=True, slots=True)
class Joined:
    ticket: str
    place: QueuePosition


async def join(deps: QueueDependencies, sale_id: str, customer_id: str) -> Joined:
    """A place at the end, or the place the customer has. SoldOut or SaleNotOpen when there is nothing to wait for."""
    draw = deps.tickets.draw(sale_id, customer_id)
    place = await _placed(deps, sale_id, lambda: deps.queue.join(sale_id, customer_id, draw))
    if place.reason == "sold_out":
        raise SoldOut
    if place.standing in {Standing.CLOSED, Standing.NOT_OPEN}:
        raise SaleNotOpen(place.sale_state, place.reason)
    return Joined(deps.tickets.issue(Ticket(sale_id, customer_id, place.arrival)), place)


async def look(deps: QueueDependencies, ticket: Ticket) -> QueuePosition:
    """Where the shopper stands. A sign of life, so that the place is kept; whom Redis lost stands again as before."""
    draw = deps.tickets.draw(ticket.sale_id, ticket.customer_id)
    return await _placed(deps, ticket.sale_id, lambda: deps.queue.visit(ticket, draw))


async def look_all(deps: QueueDependencies, sale_id: str, tickets: Sequence[Ticket]) -> list[QueuePosition]:
    """As ``look``, for all tickets of the sale in one round trip."""
    visits = [(ticket, deps.tickets.draw(sale_id, ticket.customer_id)) for ticket in tickets]
    return await _seeded(deps, sale_id, lambda: deps.queue.visit_all(sale_id, visits))


async def leave(deps: QueueDependencies, ticket: Ticket) -> None:
    await deps.queue.leave(ticket.sale_id, [ticket.customer_id])


def eta_seconds(place: QueuePosition) -> int | None:
    """By the measured rate of admission; None while nobody can say."""
    if place.standing is Standing.ADMITTED:
        return 0
    rate = place.measured_rate if place.measured_rate > 0.01 else place.rate
    if place.standing is not Standing.WAITING or place.sale_state == "PAUSED" or rate <= 0:
        return None
    before_start = max(0.0, (place.starts - place.now) / 1e6)
    return math.ceil(before_start + place.position / rate)


def poll_after_seconds(place: QueuePosition) -> float:
    """When to ask again: soon when the turn is near, and never so late that the place is given up."""
    eta = eta_seconds(place)
    return LATEST_POLL if eta is None else min(LATEST_POLL, max(SOONEST_POLL, eta / 2))


async def _placed(deps: QueueDependencies, sale_id: str, ask: Callable[[], Awaitable[QueuePosition]]) -> QueuePosition:
    async def alone() -> list[QueuePosition]:
        return [await ask()]

    (place,) = await _seeded(deps, sale_id, alone)
    return place


async def _seeded(
    deps: QueueDependencies, sale_id: str, ask: Callable[[], Awaitable[list[QueuePosition]]]
) -> list[QueuePosition]:
    places = await ask()
    if not _any_unseeded(places):
        return places
    ended = await _seed(deps, sale_id)
    if ended is not None:
        return [ended] * len(places)
    places = await ask()
    if _any_unseeded(places):  # emptied again this very moment
        raise QueueUnavailable
    return places


def _any_unseeded(places: Sequence[QueuePosition]) -> bool:
    return any(place.standing is Standing.UNSEEDED for place in places)


async def _seed(deps: QueueDependencies, sale_id: str) -> QueuePosition | None:
    """Tells Redis of the sale; a place when the sale is over, which Redis need not know."""
    async with deps.inventory.transactions() as uow:
        found = await sales.find(uow, sale_id)
        known = await sales.turnout(uow, sale_id)
    if found is None:
        raise SaleNotFound(sale_id)
    sale, now = found
    if sale.state in CLOSED:
        return QueuePosition(Standing.CLOSED, reason=sale.closed_reason(now), sale_state=sale.state)
    await deps.queue.tick(sale, now, known)
    return None
