"""Routes of the order service: who asks, what for, and the answer's form."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import JSONResponse

from amazonlite.common.core.cursor import InvalidCursor
from amazonlite.common.core.viewer import Viewer
from amazonlite.common.data.idempotency import IdempotencyKeyReused, RequestInFlight
from amazonlite.common.http.once import Command, TheOnce
from amazonlite.common.http.problems import problems
from amazonlite.common.http.state import from_state
from amazonlite.common.http.viewer import Asking, reader
from amazonlite.common.security.principal import require
from amazonlite.order import read
from amazonlite.order.cancel import cancel_order
from amazonlite.order.confirm import confirm_order
from amazonlite.order.create import Wish, place_order, price_order
from amazonlite.order.cursor import read_cursor, write_cursor
from amazonlite.order.dependencies import OrderDependencies
from amazonlite.order.domain import DuplicateSku, refuse_duplicates
from amazonlite.order.errors import (
    MixedCurrencies,
    OrderAlreadyDecided,
    OrderNotFound,
    OrderNotReady,
    PaymentNotAuthorized,
    UnknownSku,
)
from amazonlite.order.schemas import (
    AskOutcomes,
    ConfirmOrder,
    CreateOrder,
    OrderPage,
    OrderView,
    OutcomesView,
    SaleSummary,
    TimelineEntryView,
    TimelineView,
)

Deps = Annotated[OrderDependencies, Depends(from_state("deps"))]
Reading = Annotated[Viewer, Depends(reader("orders:read-any"))]
OrderId = Annotated[str, Path(max_length=64)]

shop = APIRouter(prefix="/api/orders", tags=["orders"])
internal = APIRouter(prefix="/internal/orders", tags=["internal"])


@shop.post(
    "",
    status_code=201,
    response_model=OrderView,
    responses=problems(DuplicateSku, UnknownSku, MixedCurrencies, IdempotencyKeyReused, RequestInFlight),
)
async def create(deps: Deps, viewer: Asking, body: CreateOrder, once: TheOnce) -> JSONResponse:
    """Makes an order at today's prices; the stock is reserved a moment later."""
    wishes = [Wish(line.sku, line.quantity) for line in body.lines]
    refuse_duplicates([wish.sku for wish in wishes])
    command = Command(
        "orders",
        viewer.subject,
        [[wish.sku, wish.quantity] for wish in wishes],
        prepare=lambda: price_order(deps, viewer, wishes),
        work=lambda uow, order: place_order(deps, uow, order),
        answer=lambda order: (201, OrderView.of(order)),
    )
    return await once.answer(deps, command, location="/api/orders/{orderId}")


@shop.get("", response_model=OrderPage, responses=problems(InvalidCursor))
async def list_own(
    deps: Deps,
    viewer: Asking,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str, Query(max_length=200)] = "",
) -> OrderPage:
    """The customer's own orders, newest first."""
    orders, place = await read.list_orders(deps, viewer, read_cursor(cursor) if cursor else None, limit)
    return OrderPage(
        items=[OrderView.of(order) for order in orders], next_cursor=write_cursor(place) if place is not None else None
    )


@shop.get("/{order_id}", response_model=OrderView, responses=problems(OrderNotFound))
async def get(deps: Deps, viewer: Reading, order_id: OrderId) -> OrderView:
    return OrderView.of(await read.get_order(deps, viewer, order_id))


@shop.get("/{order_id}/timeline", response_model=TimelineView, responses=problems(OrderNotFound))
async def timeline(deps: Deps, viewer: Reading, order_id: OrderId) -> TimelineView:
    """All that happened to the order, in order, with what came too late to matter."""
    entries = await read.get_timeline(deps, viewer, order_id)
    return TimelineView(order_id=order_id, entries=[TimelineEntryView.of(entry) for entry in entries])


@shop.post("/{order_id}/cancel", response_model=OrderView, responses=problems(OrderNotFound, OrderAlreadyDecided))
async def cancel(deps: Deps, viewer: Asking, order_id: OrderId) -> OrderView:
    """Cancels an unpaid order. 409 `order_already_decided` brings the order as it was decided instead."""
    return OrderView.of(await cancel_order(deps, viewer, order_id))


@shop.post(
    "/{order_id}/confirm",
    response_model=OrderView,
    responses=problems(OrderNotFound, OrderNotReady, OrderAlreadyDecided, PaymentNotAuthorized),
)
async def confirm(deps: Deps, viewer: Asking, order_id: OrderId, body: ConfirmOrder) -> OrderView:
    """Confirms an order with an authorised payment. 409 `order_already_decided` as for cancel."""
    return OrderView.of(await confirm_order(deps, viewer, order_id, body.payment_id))


@internal.get("", response_model=SaleSummary, dependencies=[Depends(require("orders:summarise"))])
async def summary(
    deps: Deps, sale_id: Annotated[str, Query(alias="saleId", min_length=1, max_length=64)]
) -> SaleSummary:
    """A sale's orders and units by state."""
    counts = await read.count_sale(deps, sale_id)
    return SaleSummary(
        sale_id=sale_id,
        by_state={count.state: count.orders for count in counts},
        units={count.state: count.units for count in counts},
        total=sum(count.orders for count in counts),
    )


@internal.post("/outcomes", response_model=OutcomesView, dependencies=[Depends(require("orders:read-any"))])
async def outcomes(deps: Deps, body: AskOutcomes) -> OutcomesView:
    """How each of the orders stands; one that is not there is left out. Changes nothing, so it may be repeated."""
    return OutcomesView.of(await read.get_outcomes(deps, body.order_ids))
