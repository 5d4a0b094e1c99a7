"""What kinds need of the shop; over HTTP in the cluster, in memory in tests."""

from __future__ import annotations

from typing import Any, Protocol

from amazonlite_operator.shop.books import Books
from amazonlite_operator.shop.client import Step
from amazonlite_operator.shop.counters import Counters
from amazonlite_operator.shop.inventory import SaleView


class Sales(Protocol):
    """shop.inventory.Inventory"""

    async def view(self, sale_id: str) -> SaleView | None: ...

    async def allocate(self, sale_id: str, body: dict[str, Any], step: Step) -> None: ...

    async def set_state(self, sale_id: str, state: str, step: Step) -> None: ...

    async def set_admission(self, sale_id: str, max_active: int, rate: int, step: Step) -> None: ...

    async def settle(self, sale_id: str, step: Step) -> dict[str, Any]: ...

    async def delete(self, sale_id: str, step: Step) -> None: ...


class Ledgers(Protocol):
    """shop.books.Bookkeeping"""

    async def books(self, sale_id: str) -> Books: ...


class Counts(Protocol):
    """shop.counters.PodCounters"""

    async def scrape(self, namespace: str, value: str) -> dict[str, Counters]: ...
