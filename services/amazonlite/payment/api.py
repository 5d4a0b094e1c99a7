"""Routes of the payment service: who asks, what for, and the answer's form."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request
from fastapi.responses import JSONResponse

from amazonlite.common.core.viewer import Viewer
from amazonlite.common.data.idempotency import IdempotencyKeyReused, RequestInFlight
from amazonlite.common.http.fields import IdempotencyKey
from amazonlite.common.http.once import Command, TheOnce
from amazonlite.common.http.problems import problems
from amazonlite.common.http.state import from_state
from amazonlite.common.http.viewer import Asking, reader
from amazonlite.common.security.principal import require
from amazonlite.payment import read
from amazonlite.payment.confirm import confirm_payment
from amazonlite.payment.create import open_intent, order_to_pay
from amazonlite.payment.dependencies import PaymentDependencies
from amazonlite.payment.errors import (
    OrderNotPayable,
    OrderNotReady,
    PaymentAlreadyDecided,
    PaymentNotFound,
    SignatureExpired,
    SignatureInvalid,
    WebhookMalformed,
)
from amazonlite.payment.schemas import (
    ConfirmIntent,
    CreateIntent,
    PaymentView,
    Received,
    SaleQuery,
    SaleSummary,
    SealedView,
    SealOrders,
)
from amazonlite.payment.seal import seal_orders
from amazonlite.payment.webhook import take_webhook

Deps = Annotated[PaymentDependencies, Depends(from_state("deps"))]
InternalDeps = Annotated[PaymentDependencies, Depends(from_state("internal_deps"))]
"""With connections that no shopper's request can take."""
Reading = Annotated[Viewer, Depends(reader("payments:read-any"))]
PaymentId = Annotated[str, Path(max_length=64)]

shop = APIRouter(prefix="/api/payments", tags=["payments"])
internal = APIRouter(prefix="/internal/payments", tags=["internal"])


@shop.post(
    "/intents",
    status_code=201,
    response_model=PaymentView,
    responses=problems(OrderNotReady, OrderNotPayable, IdempotencyKeyReused, RequestInFlight),
)
async def create(deps: Deps, viewer: Asking, body: CreateIntent, once: TheOnce) -> JSONResponse:
    """Opens the order's payment over its total. 409 `order_not_ready` until the order is reserved."""
    command = Command(
        "intents",
        viewer.subject,
        body.order_id,
        prepare=lambda: order_to_pay(deps, viewer, body.order_id),
        work=lambda uow, order: open_intent(deps, uow, order),
        answer=lambda opened: (201 if opened.new else 200, PaymentView.of(opened.payment)),
    )
    return await once.answer(deps, command, location="/api/payments/intents/{paymentId}")


@shop.get("/intents/{payment_id}", response_model=PaymentView, responses=problems(PaymentNotFound))
async def get(deps: Deps, viewer: Reading, payment_id: PaymentId) -> PaymentView:
    return PaymentView.of(await read.get_payment(deps, viewer, payment_id))


@shop.post(
    "/intents/{payment_id}/confirm",
    response_model=PaymentView,
    responses=problems(PaymentNotFound, OrderNotPayable, PaymentAlreadyDecided, IdempotencyKeyReused),
)
async def confirm(
    deps: Deps, viewer: Asking, payment_id: PaymentId, body: ConfirmIntent, idempotency_key: IdempotencyKey
) -> PaymentView:
    """Holds the money with the method given. 409 `payment_already_decided` brings the payment as it is instead.

    A declined method leaves the payment REQUIRES_CONFIRMATION: confirm again, with another key, to try another method.
    """
    return PaymentView.of(await confirm_payment(deps, viewer, payment_id, body.method, key=idempotency_key))


@shop.post(
    "/webhooks/provider",
    response_model=Received,
    responses=problems(SignatureInvalid, SignatureExpired, WebhookMalformed),
)
async def webhook(
    request: Request, deps: Deps, provider_signature: Annotated[str, Header(max_length=200)] = ""
) -> Received:
    """The provider's late answer, proved by its signature over the raw body."""
    await take_webhook(deps, await request.body(), provider_signature)
    return Received()


@internal.post("/seal", response_model=SealedView, dependencies=[Depends(require("payments:seal"))])
async def seal(deps: InternalDeps, body: SealOrders) -> SealedView:
    """Each order is closed to any later authorisation, or named as authorised; both for good, so it may be repeated."""
    return SealedView.of(await seal_orders(deps, body.order_ids))


@internal.post("/summary", response_model=SaleSummary, dependencies=[Depends(require("payments:summarise"))])
async def summary(deps: InternalDeps, query: SaleQuery) -> SaleSummary:
    """A sale's payments and their money by state, and how many paid orders the shop closed (0 is the promise)."""
    return SaleSummary.of(query.sale_id, await read.sum_sale(deps, query.sale_id))
