"""What the inventory service asks payment; the HTTP adapter stands beside it, the tests bring a fake."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sealed:
    """``closed`` orders are never paid any more; ``authorized`` has the payment of each order that is paid."""

    closed: Collection[str]
    authorized: Mapping[str, str]


class Payments(Protocol):
    """The payments of the shop's orders."""

    async def seal(self, order_ids: Sequence[str]) -> Sealed:
        """Decides for good, for each of these orders, whether it is paid. Unavailable: nothing is known."""
        ...
