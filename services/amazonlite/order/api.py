"""Routes of the order service: who asks, what for, and the answer's form."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import JSONResponse

from amazonlite.common.security.jwt import Principal
from amazonlite.common.security.principal import principal, require
from amazonlite.order import read
from amazonlite.order.cancel import cancel_order
from amazonlite.order.confirm import confirm_order
from amazonlite.order.create import Wish, create_order
from amazonlite.order.cursor import read_cursor, write_cursor
from amazonlite.order.desk import OrderDesk
from amazonlite.order.domain import Viewer
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


async def desk_of(request: Request) -> OrderDesk:
    desk: OrderDesk = request.app.state.desk
    return desk


async def viewer_of(asking: Annotated[Principal, Depends(require("shop"))]) -> Viewer:
    return Viewer(asking.subject)


async def reader_of(asking: Annotated[Principal, Depends(principal)]) -> Viewer:
    return Viewer(asking.subject, internal="orders:read-any" in asking.scopes)


Desk = Annotated[OrderDesk, Depends(desk_of)]
Asking = Annotated[Viewer, Depends(viewer_of)]
Reading = Annotated[Viewer, Depends(reader_of)]
OrderId = Annotated[str, Path(max_length=64)]
IdempotencyKey = Annotated[str, Header(min_length=1, max_length=200)]

shop = APIRouter(prefix="/api/orders", tags=["orders"])
internal = APIRouter(prefix="/internal/orders", tags=["internal"])


@shop.post("", status_code=201, response_model=OrderView)
async def create(desk: Desk, viewer: Asking, body: CreateOrder, idempotency_key: IdempotencyKey) -> JSONResponse:
    """Makes an order at today's prices; the stock is reserved a moment later."""
    wishes = [Wish(line.sku, line.quantity) for line in body.lines]
    answer = await create_order(desk, viewer, wishes, key=idempotency_key)
    headers = {"Idempotency-Replayed": "true"} if answer.replayed else {}
    return JSONResponse(
        answer.body, answer.status, headers={**headers, "Location": f"/api/orders/{answer.body['orderId']}"}
    )


@shop.get("", response_model=OrderPage)
async def list_own(
    desk: Desk,
    viewer: Asking,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str, Query(max_length=200)] = "",
) -> OrderPage:
    """The customer's own orders, newest first."""
    orders, place = await read.list_orders(desk, viewer, read_cursor(cursor) if cursor else None, limit)
    return OrderPage(
        items=[OrderView.of(order) for order in orders], next_cursor=write_cursor(place) if place is not None else None
    )


@shop.get("/{order_id}", response_model=OrderView)
async def get(desk: Desk, viewer: Reading, order_id: OrderId) -> OrderView:
    return OrderView.of(await read.get_order(desk, viewer, order_id))


@shop.get("/{order_id}/timeline", response_model=TimelineView)
async def timeline(desk: Desk, viewer: Reading, order_id: OrderId) -> TimelineView:
    """All that happened to the order, in order, with what came too late to matter."""
    entries = await read.get_timeline(desk, viewer, order_id)
    return TimelineView(order_id=order_id, entries=[TimelineEntryView.of(entry) for entry in entries])


@shop.post("/{order_id}/cancel", response_model=OrderView)
async def cancel(desk: Desk, viewer: Asking, order_id: OrderId) -> OrderView:
    """Cancels an unpaid order. 409 `order_already_decided` brings the order as it was decided instead."""
    return OrderView.of(await cancel_order(desk, viewer, order_id))


@shop.post("/{order_id}/confirm", response_model=OrderView)
async def confirm(desk: Desk, viewer: Asking, order_id: OrderId, body: ConfirmOrder) -> OrderView:
    """Confirms an order with an authorised payment. 409 `order_already_decided` as for cancel."""
    return OrderView.of(await confirm_order(desk, viewer, order_id, body.payment_id))


@internal.get("", response_model=SaleSummary, dependencies=[Depends(require("orders:summarise"))])
async def summary(
    desk: Desk, sale_id: Annotated[str, Query(alias="saleId", min_length=1, max_length=64)]
) -> SaleSummary:
    """A sale's orders and units by state."""
    counts = await read.count_sale(desk, sale_id)
    return SaleSummary(
        sale_id=sale_id,
        by_state={count.state: count.orders for count in counts},
        units={count.state: count.units for count in counts},
        total=sum(count.orders for count in counts),
    )


@internal.post("/outcomes", response_model=OutcomesView, dependencies=[Depends(require("orders:read-any"))])
async def outcomes(desk: Desk, body: AskOutcomes) -> OutcomesView:
    """How each of the orders stands; one that is not there is left out. Changes nothing, so it may be repeated."""
    return OutcomesView.of(await read.get_outcomes(desk, body.order_ids))
