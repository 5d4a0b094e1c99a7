"""Routes of stock and reservations: who asks, what for, and the answer's form."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Header, Path
from starlette.responses import Response

from amazonlite.common.data.unit_of_work import in_transaction
from amazonlite.common.http.fields import IdempotencyKey, Sku
from amazonlite.common.http.problems import problems
from amazonlite.common.http.state import from_state
from amazonlite.common.security.jwt import Principal
from amazonlite.common.security.principal import require
from amazonlite.inventory import read
from amazonlite.inventory.dependencies import Dependencies
from amazonlite.inventory.reservations.domain import ReservationAlreadyDecided, ReservationNotFound, ReservationState
from amazonlite.inventory.reservations.reserve import reserve
from amazonlite.inventory.schemas import (
    Adjustment,
    LedgerView,
    OnHand,
    ReservationView,
    ReserveOrder,
    SkuOnHand,
    StockView,
)
from amazonlite.inventory.stock.adjust import change_by, count, start
from amazonlite.inventory.stock.domain import (
    AdjustmentKeyReused,
    BelowReserved,
    CountIsStale,
    CountNeedsComparison,
    InsufficientStock,
    Stock,
    UnknownSku,
)

Deps = Annotated[Dependencies, Depends(from_state("deps"))]
SkuPath = Annotated[str, Path(max_length=64)]
OrderId = Annotated[str, Path(max_length=64)]
staff = Depends(require("staff:stock"))
reads = Depends(require("reservations:read"))

shop = APIRouter(prefix="/api", tags=["stock"])
internal = APIRouter(prefix="/internal", tags=["internal"])


@shop.get("/inventory/{sku}", response_model=StockView, responses=problems(UnknownSku))
async def get(deps: Deps, sku: SkuPath, response: Response) -> StockView:
    """The ETag names the stock as it is: a count sends it back as If-Match. Each change of the stock makes a new one,
    and none comes back, not even when the stock does.
    """
    return _tagged(await read.get_stock(deps, sku), response)


@shop.put(
    "/inventory/{sku}",
    response_model=StockView,
    dependencies=[staff],
    responses=problems(BelowReserved, CountIsStale, CountNeedsComparison),
)
async def set_on_hand(
    deps: Deps,
    sku: Annotated[Sku, Path()],
    body: OnHand,
    response: Response,
    if_match: Annotated[str | None, Header(max_length=80)] = None,
) -> StockView:
    """A count of what is on hand. 412 `stock_changed` when the stock has changed since If-Match was its ETag, 428
    `precondition_required` when there is stock and no If-Match, 409 `below_reserved` when less than is reserved.
    """
    seen = None if if_match is None else if_match.strip().removeprefix("W/").strip('"')
    counted = await in_transaction(deps.transactions, lambda uow: count(deps, uow, sku, body.on_hand, seen=seen))
    return _tagged(counted, response)


@shop.post(
    "/inventory/{sku}/adjustments",
    response_model=StockView,
    responses=problems(UnknownSku, BelowReserved, AdjustmentKeyReused),
)
async def adjust_stock(
    deps: Deps,
    sku: Annotated[Sku, Path()],
    body: Adjustment,
    response: Response,
    idempotency_key: IdempotencyKey,
    by: Annotated[Principal, Depends(require("staff:stock"))],
) -> StockView:
    """So many units more or less, and why; a caller's key again changes nothing. 409 `below_reserved` as above."""
    key = f"{by.subject}:{idempotency_key}"
    changed = await in_transaction(
        deps.transactions, lambda uow: change_by(deps, uow, sku, body.units, body.reason, key=key)
    )
    return _tagged(changed, response)


@shop.post("/inventory:bulk", response_model=list[StockView], dependencies=[staff])
async def set_first_stocks(
    deps: Deps, body: Annotated[list[SkuOnHand], Body(min_length=1, max_length=500)]
) -> list[StockView]:
    """Gives each SKU that has no stock yet its first, all or none; one that has stock is left as it is."""
    counted = {item.sku: item.on_hand for item in body}
    stocks = await in_transaction(deps.transactions, lambda uow: start(deps, uow, counted))
    return [StockView.of(stock) for stock in stocks]


def _tagged(stock: Stock, response: Response) -> StockView:
    response.headers["ETag"] = f'"{stock.tag}"'
    return StockView.of(stock)


@internal.get(
    "/ledger/{sku}",
    response_model=LedgerView,
    dependencies=[Depends(require("ledger:read"))],
    responses=problems(UnknownSku),
)
async def ledger(deps: Deps, sku: SkuPath) -> LedgerView:
    """What the ledger of the SKU adds up to, beside its counters."""
    return LedgerView.of(*await read.get_ledger(deps, sku))


@internal.post(
    "/reservations",
    response_model=ReservationView,
    status_code=201,
    dependencies=[Depends(require("reservations:make"))],
    responses=problems(UnknownSku, InsufficientStock, ReservationAlreadyDecided),
)
async def create_reservation(deps: Deps, body: ReserveOrder) -> Response:
    """201 with the reservation, also when the order has one already. 409 when it was ended before it was made."""
    expires_at = deps.clock.now() + timedelta(seconds=body.ttl_seconds)
    made = await in_transaction(
        deps.transactions, lambda uow: reserve(deps, uow, body.order_id, body.units(), expires_at)
    )
    if made.state in {ReservationState.RELEASED, ReservationState.EXPIRED}:
        raise ReservationAlreadyDecided(made.state)
    return ReservationView.of(made).answer(201)


@internal.get(
    "/reservations/{order_id}",
    response_model=ReservationView,
    dependencies=[reads],
    responses=problems(ReservationNotFound),
)
async def reservation(deps: Deps, order_id: OrderId) -> ReservationView:
    """What became of the order's goods. 404 `reservation_not_found`: nothing was reserved for it."""
    return ReservationView.of(await read.get_reservation(deps, order_id))
