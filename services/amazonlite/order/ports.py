"""What the order service asks other services; the HTTP adapters stand beside it, the tests bring fakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from amazonlite.common.core.money import Money


class Products(Protocol):
    """Today's prices."""

    async def prices(self, skus: Sequence[str]) -> dict[str, Money]:
        """The price of each sku that exists; the others are left out."""
        ...


@dataclass(frozen=True, slots=True)
class PaymentFact:
    """What the payment service says about one payment; ``held`` once the money is authorised or taken."""

    payment_id: str
    order_id: str
    held: bool


class Payments(Protocol):
    """The payments of the shop's orders."""

    async def find(self, payment_id: str) -> PaymentFact | None: ...
