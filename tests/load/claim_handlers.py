"""The three handlers that the claims benchmark puts on the same path: ours, one transaction a claim, and none."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse

from amazonlite.common.http.app import create_app
from amazonlite.common.http.fields import IdempotencyKey
from amazonlite.common.security.jwks import published_by
from amazonlite.common.security.jwt import TokenVerifier
from amazonlite.inventory.app import create as create_inventory
from amazonlite.inventory.flash_sale.api import SaleId, Shopper, TicketText
from amazonlite.inventory.flash_sale.batcher import ClaimBatcher
from amazonlite.inventory.flash_sale.decide import Claim, Held
from amazonlite.inventory.flash_sale.dependencies import QueueDependencies, SaleDependencies
from amazonlite.inventory.flash_sale.errors import NotAdmitted
from amazonlite.inventory.flash_sale.queue import look
from amazonlite.inventory.flash_sale.queue_store import Standing
from amazonlite.inventory.flash_sale.schemas import ClaimUnits
from amazonlite.inventory.flash_sale.ticket import Ticket
from amazonlite.inventory.settings import Settings
from load.rival import claim_alone


def ours() -> FastAPI:
    """The inventory service as it is."""
    return create_inventory()


class OneTransactionAClaim:
    """Takes the batcher's place: every claim is a transaction of its own that waits for the sale's row."""

    def __init__(self, deps: QueueDependencies) -> None:
        self._deps = deps

    async def claim(self, claim: Claim) -> Held:
        place = await look(self._deps, Ticket(claim.sale_id, claim.customer_id, claim.arrival))
        if place.standing is not Standing.ADMITTED:
            raise NotAdmitted(place.standing)
        outcome = await claim_alone(self._deps.inventory, claim)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def alone() -> FastAPI:
    """The inventory service without groups; all else is the same code."""
    app = create_inventory()
    deps: SaleDependencies = app.state.sale_deps
    app.state.sale_deps = replace(deps, batcher=cast(ClaimBatcher, OneTransactionAClaim(deps)))
    return app


empty_routes = APIRouter()


@empty_routes.post("/api/flash-sales/{sale_id}/claims", status_code=201)
async def claim(
    shopper: Shopper,
    sale_id: SaleId,
    body: ClaimUnits,
    x_queue_ticket: TicketText,
    idempotency_key: IdempotencyKey,
) -> JSONResponse:
    """Checks the token and the request's form like the real one, and does nothing."""
    return JSONResponse({"saleId": sale_id, "quantity": body.quantity, "customer": shopper.subject}, 201)


def empty() -> FastAPI:
    """The same stack around a handler that does nothing."""
    jwks = published_by(Settings().auth.url)
    app = create_app("inventory", routers=[empty_routes])
    app.state.verifier = TokenVerifier(jwks)
    return app
