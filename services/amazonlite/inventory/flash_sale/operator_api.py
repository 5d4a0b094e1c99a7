"""Routes for the operator: each write names its step and shows the fencing number of the operator's lease."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from amazonlite.common.core.operator_step import StaleFence
from amazonlite.common.http.operator_step import TakenStep
from amazonlite.common.http.problems import problems
from amazonlite.common.security.principal import require
from amazonlite.inventory.domain import InsufficientStock, UnknownSku
from amazonlite.inventory.flash_sale.allocate import allocate
from amazonlite.inventory.flash_sale.api import AtDesk, SaleId
from amazonlite.inventory.flash_sale.change_admission import change_admission
from amazonlite.inventory.flash_sale.change_state import change_state
from amazonlite.inventory.flash_sale.desk import SaleDesk
from amazonlite.inventory.flash_sale.errors import (
    HoldsOutstanding,
    IllegalSaleTransition,
    SaleDiffers,
    SaleNotFound,
    SkuOnSale,
)
from amazonlite.inventory.flash_sale.operator_schemas import AllocateSale, BooksView, ChangeAdmission, ChangeState
from amazonlite.inventory.flash_sale.read import look_at_queue, read_books
from amazonlite.inventory.flash_sale.remove import remove
from amazonlite.inventory.flash_sale.settle import settle

operator = APIRouter(
    prefix="/internal/flash-sales", tags=["internal"], dependencies=[Depends(require("flash-sales:operate"))]
)


async def _view(desk: SaleDesk, sale_id: str) -> BooksView:
    books = await read_books(desk.desk, sale_id)
    return BooksView.of(books, await look_at_queue(desk.desk, desk.queue, sale_id))


@operator.get("/{sale_id}", response_model=BooksView, responses=problems(SaleNotFound))
async def look(desk: AtDesk, sale_id: SaleId) -> BooksView:
    """The sale, and whether its counters, its holds and its ledger agree, all as of one moment."""
    return await _view(desk, sale_id)


@operator.put(
    "/{sale_id}",
    response_model=BooksView,
    responses=problems(StaleFence, UnknownSku, InsufficientStock, SkuOnSale, SaleDiffers, IllegalSaleTransition),
)
async def put(desk: AtDesk, sale_id: SaleId, body: AllocateSale, step: TakenStep) -> BooksView:
    """Takes the sale's units out of general stock, once."""
    await allocate(desk, sale_id, body.terms(), body.how(), step)
    return await _view(desk, sale_id)


@operator.post(
    "/{sale_id}/state", response_model=BooksView, responses=problems(SaleNotFound, StaleFence, IllegalSaleTransition)
)
async def state(desk: AtDesk, sale_id: SaleId, body: ChangeState, step: TakenStep) -> BooksView:
    await change_state(desk, sale_id, body.state, step)
    return await _view(desk, sale_id)


@operator.post(
    "/{sale_id}/admission",
    response_model=BooksView,
    responses=problems(SaleNotFound, StaleFence, IllegalSaleTransition),
)
async def admission(desk: AtDesk, sale_id: SaleId, body: ChangeAdmission, step: TakenStep) -> BooksView:
    await change_admission(desk, sale_id, max_active=body.max_active, rate_per_second=body.rate_per_second, step=step)
    return await _view(desk, sale_id)


@operator.post(
    "/{sale_id}/settle",
    response_model=BooksView,
    responses=problems(SaleNotFound, StaleFence, IllegalSaleTransition, HoldsOutstanding),
)
async def close(desk: AtDesk, sale_id: SaleId, step: TakenStep) -> BooksView:
    """Returns what is free and reports. 409 `holds_outstanding` while a unit is held."""
    await settle(desk, sale_id, step)
    return await _view(desk, sale_id)


@operator.delete(
    "/{sale_id}", response_model=BooksView, responses=problems(StaleFence, IllegalSaleTransition, HoldsOutstanding)
)
async def take_back(desk: AtDesk, sale_id: SaleId, step: TakenStep) -> BooksView:
    """Aborts, ends unpaid holds, returns what is free."""
    await remove(desk, sale_id, step)
    return await _view(desk, sale_id)
