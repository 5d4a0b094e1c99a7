"""What every use case of the payment service works with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from amazonlite.common.core.clock import Clock, SystemClock
from amazonlite.common.core.ids import IdSource, new_id
from amazonlite.common.data.unit_of_work import UnitOfWorkFactory
from amazonlite.payment.ports import Orders
from amazonlite.payment.provider import Provider, ProviderUnavailable

SEALS_AT_ONCE = 2  # more would take the connections that consumers and the relay need


@dataclass(frozen=True, slots=True)
class PaymentDependencies:
    """``provider_timeout`` bounds one provider call; ``recover_after`` must be longer, both in seconds."""

    transactions: UnitOfWorkFactory
    orders: Orders
    provider: Provider
    webhook_secret: bytes
    provider_timeout: float = 5.0
    recover_after: float = 30.0
    sealing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SEALS_AT_ONCE))
    clock: Clock = field(default_factory=SystemClock)
    ids: IdSource = new_id

    @asynccontextmanager
    async def provider_call(self) -> AsyncIterator[Provider]:
        """No answer in time is ProviderUnavailable: the outcome is unknown."""
        try:
            async with asyncio.timeout(self.provider_timeout):
                yield self.provider
        except TimeoutError as error:
            raise ProviderUnavailable("The payment provider did not answer in time.") from error
