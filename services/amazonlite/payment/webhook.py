"""The provider's late answers: proved by signature, taken once by their id."""

from __future__ import annotations

from pydantic import ValidationError

from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction
from amazonlite.common.events.inbox import first_time
from amazonlite.payment.dependencies import PaymentDependencies
from amazonlite.payment.errors import WebhookMalformed
from amazonlite.payment.provider import Charge
from amazonlite.payment.record import record_news
from amazonlite.payment.schemas import ProviderEvent
from amazonlite.payment.signature import verify

CONSUMER = "provider-webhook"


async def take_webhook(deps: PaymentDependencies, payload: bytes, signature: str) -> None:
    """An answer about a payment we never made is received and forgotten: repeating it would not help."""
    verify(deps.webhook_secret, signature, payload, deps.clock.now())
    event = _parsed(payload)

    async def work(uow: UnitOfWork) -> None:
        if await first_time(uow, CONSUMER, event.id):
            await record_news(deps, uow, Charge(event.key, event.state, event.reason))

    await in_transaction(deps.transactions, work)


def _parsed(payload: bytes) -> ProviderEvent:
    try:
        return ProviderEvent.model_validate_json(payload)
    except ValidationError as error:
        raise WebhookMalformed("The payload is no charge event.") from error
