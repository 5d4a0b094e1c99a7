"""What the payment service asks the order service; the HTTP adapter stands beside it, the tests bring a fake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from amazonlite.common.core.money import Money


@dataclass(frozen=True, slots=True)
class OrderFact:
    """What the order service says about one order; ``state`` is one of its own states."""

    order_id: str
    customer_id: str
    state: str
    total: Money
    pay_before: datetime
    sale_id: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an order stands, in its own states, and why it was closed."""

    state: str
    reason: str = ""


class Orders(Protocol):
    """The shop's orders."""

    async def find(self, order_id: str) -> OrderFact | None: ...

    async def outcomes(self, order_ids: Sequence[str]) -> Mapping[str, Outcome]:
        """Of those of the orders that there are. Unavailable: nothing is known."""
        ...
