"""What the shop needs from a payment provider: calls that may be repeated, each about one charge, named by its key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from amazonlite.common.core.errors import Unavailable
from amazonlite.common.core.money import Money
from amazonlite.payment.domain import ChargeState, Method


@dataclass(frozen=True, slots=True)
class Charge:
    """The provider's answer about one charge; ``key`` names the attempt (``domain.charge_key``)."""

    key: str
    state: ChargeState
    reason: str = ""


class ProviderUnavailable(Unavailable):
    """No answer came, so the outcome is unknown: ask again with the same key."""

    code: ClassVar[str] = "provider_unavailable"
    title: ClassVar[str] = "The payment provider does not answer"


class Provider(Protocol):
    """Every call is idempotent by ``key``, and answers with the charge as it stands after the call."""

    async def authorize(self, key: str, amount: Money, method: Method) -> Charge:
        """Holds the money; PENDING means that a webhook brings the answer."""
        ...

    async def find(self, key: str) -> Charge | None:
        """The charge made with ``key``; None when no such call ever arrived."""
        ...

    async def capture(self, key: str) -> Charge:
        """Takes the money held."""
        ...

    async def void(self, key: str) -> Charge:
        """Gives back the money held, or forbids a charge with ``key`` that has not been made yet."""
        ...
