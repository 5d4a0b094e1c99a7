"""What the operator needs of the shop; over HTTP in the cluster, in memory in tests."""

from __future__ import annotations

from typing import Any, Protocol

from amazonlite_operator.shop.books import Books
from amazonlite_operator.shop.inventory import SaleView, Step


class Sales(Protocol):
    async def view(self, sale_id: str) -> SaleView | None: ...

    async def allocate(self, sale_id: str, body: dict[str, Any], step: Step) -> None: ...

    async def set_state(self, sale_id: str, state: str, step: Step) -> None: ...

    async def set_admission(self, sale_id: str, max_active: int, rate: int, step: Step) -> None: ...

    async def settle(self, sale_id: str, step: Step) -> dict[str, Any]: ...

    async def delete(self, sale_id: str, step: Step) -> None: ...


class Ledgers(Protocol):
    async def books(self, sale_id: str) -> Books: ...


class Claims(Protocol):
    """Counters of a sale's claims by inventory pod."""

    async def scrape(self, namespace: str, sale_id: str) -> dict[str, dict[tuple[str, str], float]]: ...


class Cluster(Protocol):
    """kube.api.Kube"""

    async def get(self, path: str) -> dict[str, Any] | None: ...

    async def items(self, path: str, **selectors: str) -> list[dict[str, Any]]: ...

    async def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]: ...

    async def merge(self, path: str, patch: dict[str, Any]) -> dict[str, Any]: ...

    async def delete(self, path: str) -> None: ...
