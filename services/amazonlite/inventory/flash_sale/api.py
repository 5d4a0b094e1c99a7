"""Routes for shoppers: look at sales, queue, claim."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path
from starlette.responses import Response

from amazonlite.common.core import context
from amazonlite.common.http.fields import IdempotencyKey
from amazonlite.common.http.problems import problems
from amazonlite.common.http.state import from_state
from amazonlite.common.security.jwt import Principal
from amazonlite.common.security.principal import require
from amazonlite.inventory.flash_sale import queue
from amazonlite.inventory.flash_sale.claim import claim_units
from amazonlite.inventory.flash_sale.decide import Claim
from amazonlite.inventory.flash_sale.dependencies import SaleDependencies
from amazonlite.inventory.flash_sale.errors import (
    ClaimKeyReused,
    CustomerLimitReached,
    NotAdmitted,
    QueueUnavailable,
    SaleNotFound,
    SaleNotOpen,
    SoldOut,
    TicketInvalid,
    TooManyClaims,
)
from amazonlite.inventory.flash_sale.read import get_hold, get_sale, list_sales, look_at_queue
from amazonlite.inventory.flash_sale.schemas import (
    ClaimUnits,
    HeldView,
    HoldView,
    JoinedView,
    QueuePositionView,
    SaleList,
    SaleSummary,
    SaleView,
)
from amazonlite.inventory.reservations.domain import ReservationNotFound

Deps = Annotated[SaleDependencies, Depends(from_state("sale_deps"))]
SaleId = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Shopper = Annotated[Principal, Depends(require("shop"))]
TicketText = Annotated[str, Header(alias="X-Queue-Ticket", max_length=500)]

shop = APIRouter(prefix="/api/flash-sales", tags=["flash sales"])
holds = APIRouter(prefix="/internal/holds", tags=["internal"], dependencies=[Depends(require("reservations:read"))])


# First, because routes are tried in their order and a rush is made of these.
@shop.post(
    "/{sale_id}/claims",
    status_code=201,
    response_model=HeldView,
    responses=problems(
        SaleNotFound,
        SaleNotOpen,
        SoldOut,
        CustomerLimitReached,
        NotAdmitted,
        TicketInvalid,
        ClaimKeyReused,
        TooManyClaims,
        QueueUnavailable,
    ),
)
async def claim(
    deps: Deps,
    shopper: Shopper,
    sale_id: SaleId,
    body: ClaimUnits,
    x_queue_ticket: TicketText,
    idempotency_key: IdempotencyKey,
) -> Response:
    """Holds units for the shopper until `payBefore`. The same key again gets the same hold."""
    ticket = deps.tickets.read(x_queue_ticket, sale_id, shopper.subject)
    wish = Claim(
        sale_id,
        shopper.subject,
        idempotency_key,
        body.quantity,
        ticket.arrival,
        correlation_id=context.correlation_id.get(),
        traceparent=context.traceparent.get(),
    )
    held = await claim_units(deps, wish)
    headers = {} if held.new else {"Idempotency-Replayed": "true"}
    return HeldView.of(sale_id, held).answer(201, headers)


@shop.get("", response_model=SaleList)
async def list_flash_sales(deps: Deps) -> SaleList:
    return SaleList(items=[SaleSummary.of(sale) for sale in await list_sales(deps.inventory)])


@shop.get("/{sale_id}", response_model=SaleView, responses=problems(SaleNotFound))
async def get_flash_sale(deps: Deps, sale_id: SaleId) -> SaleView:
    found = await get_sale(deps.inventory, sale_id)
    return SaleView.with_queue(found, await look_at_queue(deps.inventory, deps.queue, sale_id))


@shop.post(
    "/{sale_id}/queue",
    status_code=201,
    response_model=JoinedView,
    responses=problems(SaleNotFound, SaleNotOpen, SoldOut, QueueUnavailable),
)
async def join_queue(deps: Deps, shopper: Shopper, sale_id: SaleId) -> Response:
    """A place in the queue, or the place the customer has, and the ticket that proves it."""
    joined = await queue.join(deps, sale_id, shopper.subject)
    return JoinedView.with_ticket(joined).answer(201)


@shop.get(
    "/{sale_id}/queue",
    response_model=QueuePositionView,
    responses=problems(SaleNotFound, TicketInvalid, QueueUnavailable),
)
async def get_queue_position(deps: Deps, shopper: Shopper, sale_id: SaleId, x_queue_ticket: TicketText) -> Response:
    """Where the shopper stands; asking keeps the place."""
    ticket = deps.tickets.read(x_queue_ticket, sale_id, shopper.subject)
    return QueuePositionView.of(await queue.look(deps, ticket)).answer()


@shop.delete("/{sale_id}/queue", status_code=204, responses=problems(TicketInvalid, QueueUnavailable))
async def leave_queue(deps: Deps, shopper: Shopper, sale_id: SaleId, x_queue_ticket: TicketText) -> Response:
    await queue.leave(deps, deps.tickets.read(x_queue_ticket, sale_id, shopper.subject))
    return Response(status_code=204)


@holds.get("/{order_id}", response_model=HoldView, responses=problems(ReservationNotFound))
async def get_hold_of_order(deps: Deps, order_id: Annotated[str, Path(max_length=64)]) -> HoldView:
    """The flash-sale hold that the order is made from, as its event tells it. 404: there is none (yet)."""
    return HoldView.of(*await get_hold(deps.inventory, order_id))
