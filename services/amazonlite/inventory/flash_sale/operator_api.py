"""Routes for the operator: each write names its step and shows the fencing number of the operator's lease."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from amazonlite.common.core.operator_step import StaleFence
from amazonlite.common.http.operator_step import TakenStep
from amazonlite.common.http.problems import problems
from amazonlite.common.security.principal import require
from amazonlite.inventory.flash_sale.allocate import allocate
from amazonlite.inventory.flash_sale.api import Deps, SaleId
from amazonlite.inventory.flash_sale.change_admission import change_admission
from amazonlite.inventory.flash_sale.change_state import change_state
from amazonlite.inventory.flash_sale.dependencies import SaleDependencies
from amazonlite.inventory.flash_sale.errors import (
    HoldsOutstanding,
    IllegalSaleTransition,
    SaleDiffers,
    SaleNotFound,
    SkuOnSale,
)
from amazonlite.inventory.flash_sale.operator_schemas import AllocateSale, ChangeAdmission, ChangeState, SaleAuditView
from amazonlite.inventory.flash_sale.read import audit_sale, look_at_queue
from amazonlite.inventory.flash_sale.remove import remove
from amazonlite.inventory.flash_sale.settle import settle
from amazonlite.inventory.stock.domain import InsufficientStock, UnknownSku

operator = APIRouter(
    prefix="/internal/flash-sales", tags=["internal"], dependencies=[Depends(require("flash-sales:operate"))]
)


async def _view(deps: SaleDependencies, sale_id: str) -> SaleAuditView:
    audit = await audit_sale(deps.inventory, sale_id)
    return SaleAuditView.of(audit, await look_at_queue(deps.inventory, deps.queue, sale_id))


@operator.get("/{sale_id}", response_model=SaleAuditView, responses=problems(SaleNotFound))
async def get_sale_audit(deps: Deps, sale_id: SaleId) -> SaleAuditView:
    """The sale, and whether its counters, its holds and its ledger agree, all as of one moment."""
    return await _view(deps, sale_id)


@operator.put(
    "/{sale_id}",
    response_model=SaleAuditView,
    responses=problems(StaleFence, UnknownSku, InsufficientStock, SkuOnSale, SaleDiffers, IllegalSaleTransition),
)
async def allocate_sale(deps: Deps, sale_id: SaleId, body: AllocateSale, step: TakenStep) -> SaleAuditView:
    """Takes the sale's units out of general stock, once."""
    await allocate(deps, sale_id, body.terms(), body.how(), step)
    return await _view(deps, sale_id)


@operator.post(
    "/{sale_id}/state",
    response_model=SaleAuditView,
    responses=problems(SaleNotFound, StaleFence, IllegalSaleTransition),
)
async def change_sale_state(deps: Deps, sale_id: SaleId, body: ChangeState, step: TakenStep) -> SaleAuditView:
    await change_state(deps, sale_id, body.state, step)
    return await _view(deps, sale_id)


@operator.post(
    "/{sale_id}/admission",
    response_model=SaleAuditView,
    responses=problems(SaleNotFound, StaleFence, IllegalSaleTransition),
)
async def change_sale_admission(deps: Deps, sale_id: SaleId, body: ChangeAdmission, step: TakenStep) -> SaleAuditView:
    await change_admission(deps, sale_id, max_active=body.max_active, rate_per_second=body.rate_per_second, step=step)
    return await _view(deps, sale_id)


@operator.post(
    "/{sale_id}/settle",
    response_model=SaleAuditView,
    responses=problems(SaleNotFound, StaleFence, IllegalSaleTransition, HoldsOutstanding),
)
async def settle_sale(deps: Deps, sale_id: SaleId, step: TakenStep) -> SaleAuditView:
    """Returns what is free and reports. 409 `holds_outstanding` while a unit is held."""
    await settle(deps, sale_id, step)
    return await _view(deps, sale_id)


@operator.delete(
    "/{sale_id}", response_model=SaleAuditView, responses=problems(StaleFence, IllegalSaleTransition, HoldsOutstanding)
)
async def remove_sale(deps: Deps, sale_id: SaleId, step: TakenStep) -> SaleAuditView:
    """Aborts, ends unpaid holds, returns what is free."""
    await remove(deps, sale_id, step)
    return await _view(deps, sale_id)
