"""Shoppers queue before they may claim: they join, ask where they stand (which keeps their place), and leave."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from amazonlite.inventory.flash_sale import store as sales
from amazonlite.inventory.flash_sale.desk import QueueDesk
from amazonlite.inventory.flash_sale.domain import CLOSED
from amazonlite.inventory.flash_sale.errors import QueueUnavailable, SaleNotFound, SaleNotOpen, SoldOut
from amazonlite.inventory.flash_sale.queue_store import Place, Standing
from amazonlite.inventory.flash_sale.ticket import Ticket

# Five thousand who wait then ask 250 times a second, which leaves two cores most of their time for claims.
SOONEST_POLL, LATEST_POLL = 1.0, 20.0


@dataclass(frozen=True, slots=True)
class Joined:
    ticket: str
    place: Place


async def join(desk: QueueDesk, sale_id: str, customer_id: str) -> Joined:
    """A place at the end, or the place the customer has. SoldOut or SaleNotOpen when there is nothing to wait for."""
    draw = desk.tickets.draw(sale_id, customer_id)
    place = await _placed(desk, sale_id, lambda: desk.queue.join(sale_id, customer_id, draw))
    if place.reason == "sold_out":
        raise SoldOut
    if place.standing in {Standing.CLOSED, Standing.NOT_OPEN}:
        raise SaleNotOpen(place.sale_state, place.reason)
    return Joined(desk.tickets.issue(Ticket(sale_id, customer_id, place.arrival)), place)


async def look(desk: QueueDesk, ticket: Ticket) -> Place:
    """Where the shopper stands. A sign of life, so that the place is kept; whom Redis lost stands again as before."""
    draw = desk.tickets.draw(ticket.sale_id, ticket.customer_id)
    return await _placed(desk, ticket.sale_id, lambda: desk.queue.visit(ticket, draw))


async def look_all(desk: QueueDesk, sale_id: str, tickets: Sequence[Ticket]) -> list[Place]:
    """As ``look``, for all tickets of the sale in one round trip."""
    visits = [(ticket, desk.tickets.draw(sale_id, ticket.customer_id)) for ticket in tickets]
    return await _seeded(desk, sale_id, lambda: desk.queue.visit_all(sale_id, visits))


async def leave(desk: QueueDesk, ticket: Ticket) -> None:
    await desk.queue.leave(ticket.sale_id, [ticket.customer_id])


def eta_seconds(place: Place) -> int | None:
    """By the measured rate of admission; None while nobody can say."""
    if place.standing is Standing.ADMITTED:
        return 0
    rate = place.measured_rate if place.measured_rate > 0.01 else place.rate
    if place.standing is not Standing.WAITING or place.sale_state == "PAUSED" or rate <= 0:
        return None
    before_start = max(0.0, (place.starts - place.now) / 1e6)
    return math.ceil(before_start + place.position / rate)


def poll_after_seconds(place: Place) -> float:
    """When to ask again: soon when the turn is near, and never so late that the place is given up."""
    eta = eta_seconds(place)
    return LATEST_POLL if eta is None else min(LATEST_POLL, max(SOONEST_POLL, eta / 2))


async def _placed(desk: QueueDesk, sale_id: str, ask: Callable[[], Awaitable[Place]]) -> Place:
    async def alone() -> list[Place]:
        return [await ask()]

    (place,) = await _seeded(desk, sale_id, alone)
    return place


async def _seeded(desk: QueueDesk, sale_id: str, ask: Callable[[], Awaitable[list[Place]]]) -> list[Place]:
    places = await ask()
    if not _any_unseeded(places):
        return places
    ended = await _seed(desk, sale_id)
    if ended is not None:
        return [ended] * len(places)
    places = await ask()
    if _any_unseeded(places):  # emptied again this very moment
        raise QueueUnavailable
    return places


def _any_unseeded(places: Sequence[Place]) -> bool:
    return any(place.standing is Standing.UNSEEDED for place in places)


async def _seed(desk: QueueDesk, sale_id: str) -> Place | None:
    """Tells Redis of the sale; a place when the sale is over, which Redis need not know."""
    async with desk.desk.transactions() as uow:
        found = await sales.find(uow, sale_id)
        known = await sales.turnout(uow, sale_id)
    if found is None:
        raise SaleNotFound(sale_id)
    sale, now = found
    if sale.state in CLOSED:
        return Place(Standing.CLOSED, reason=sale.closed_reason(now), sale_state=sale.state)
    await desk.queue.tick(sale, now, known)
    return None
