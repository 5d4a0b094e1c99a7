"""A provider that does what a method's name says, after a latency, and answers a repeated call as the first."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from amazonlite.common.core.money import Money
from amazonlite.common.data.unit_of_work import UnitOfWork, UnitOfWorkFactory, in_transaction
from amazonlite.payment.domain import ChargeState, Method
from amazonlite.payment.provider import Charge, ProviderUnavailable
from amazonlite.payment.simulated import store

DECLINE_REASON = "card_declined"
FIRST_ANSWER = {
    Method.OK: ChargeState.AUTHORIZED,
    Method.DECLINED: ChargeState.DECLINED,
    Method.ASYNC_OK: ChargeState.PENDING,
    Method.ASYNC_DECLINED: ChargeState.PENDING,
    Method.TIMEOUT: ChargeState.AUTHORIZED,
    Method.CAPTURE_REFUSED: ChargeState.AUTHORIZED,
    Method.CAPTURE_DECLINED: ChargeState.AUTHORIZED,
    Method.EXPIRES: ChargeState.AUTHORIZED,
}
CAPTURED_AS = {
    Method.CAPTURE_REFUSED: ChargeState.VOIDED,
    Method.CAPTURE_DECLINED: ChargeState.DECLINED,
    Method.EXPIRES: ChargeState.EXPIRED,
}
"""What becomes of money that is to be taken, where it is not simply taken."""


class UnknownCharge(LookupError):
    """Only money that was held can be taken: a bug of the caller."""


@dataclass(frozen=True, slots=True)
class SimulatedProvider:
    """``latency`` of each call and ``answer_after`` of the async methods are in seconds."""

    transactions: UnitOfWorkFactory
    latency: float = 0.03
    answer_after: float = 1.0

    async def authorize(self, key: str, amount: Money, method: Method) -> Charge:
        """With pm_timeout the money is held, but the first answer gets lost."""
        await asyncio.sleep(self.latency)
        state = FIRST_ANSWER[method]
        charge = Charge(key, state, DECLINE_REASON if state is ChargeState.DECLINED else "")
        answer_in = self.answer_after if state is ChargeState.PENDING else None

        async def work(uow: UnitOfWork) -> tuple[bool, Charge]:
            made = await store.add(uow, charge, amount, method, answer_in=answer_in)
            return made, await _existing(uow, key)

        made, answer = await in_transaction(self.transactions, work)
        if made and method is Method.TIMEOUT:
            raise ProviderUnavailable("The simulated provider's answer got lost.")
        return answer

    async def find(self, key: str) -> Charge | None:
        await asyncio.sleep(self.latency)
        async with self.transactions() as uow:
            return await store.find(uow, key)

    async def capture(self, key: str) -> Charge:
        await asyncio.sleep(self.latency)

        async def work(uow: UnitOfWork) -> Charge:
            method = await store.method_of(uow, key)
            becomes = CAPTURED_AS.get(Method(method), ChargeState.CAPTURED) if method else ChargeState.CAPTURED
            await store.move(uow, key, {ChargeState.AUTHORIZED}, becomes)
            return await _existing(uow, key)

        return await in_transaction(self.transactions, work)

    async def void(self, key: str) -> Charge:
        await asyncio.sleep(self.latency)

        async def work(uow: UnitOfWork) -> Charge:
            if not await store.forbid(uow, key):
                await store.move(uow, key, {ChargeState.PENDING, ChargeState.AUTHORIZED}, ChargeState.VOIDED)
            return await _existing(uow, key)

        return await in_transaction(self.transactions, work)


async def _existing(uow: UnitOfWork, key: str) -> Charge:
    charge = await store.find(uow, key)
    if charge is None:
        raise UnknownCharge(key)
    return charge
