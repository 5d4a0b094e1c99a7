"""Inventory's internal flash-sale API. Every write carries its step's idempotency key and the leader's number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from amazonlite_operator.kube.schema import Count, Fields
from amazonlite_operator.shop.client import Refusal, ShopClient, Step


class Stock(Fields):
    """allocated = free + held + sold, always; after settling, returned = quantity - sold."""

    allocated: Count = 0
    free: Count = 0
    held: Count = 0
    sold: Count = 0
    returned: Count = 0


class Queue(Fields):
    waiting: Count = 0
    active: Count = 0
    admitted: Count = 0
    rejected: Count = 0


@dataclass(frozen=True, slots=True)
class SaleView:
    """A sale as inventory sees it."""

    id: str
    state: str
    stock: Stock
    oversold: int = 0
    conserved: bool = True
    oldest_overdue_seconds: float = 0.0
    queue: Queue = field(default_factory=Queue)

    @classmethod
    def of(cls, body: dict[str, Any]) -> SaleView:
        return cls(
            id=body["id"],
            state=body["state"],
            stock=Stock.model_validate(body["stock"]),
            oversold=body.get("oversold", 0),
            conserved=body.get("conserved", True),
            oldest_overdue_seconds=body.get("oldestOverdueHoldSeconds") or 0.0,
            queue=Queue.model_validate(body.get("queue", {})),
        )

    @property
    def closed(self) -> bool:
        """Nobody can claim any more, for good."""
        return self.state in ("ABORTED", "SETTLED")

    @property
    def over(self) -> bool:
        """Nothing is sold, held or set aside here any more."""
        return self.state == "SETTLED" or (self.state == "ABORTED" and self.stock.free == self.stock.held == 0)


class Inventory:
    def __init__(self, client: ShopClient) -> None:
        self._client = client

    async def view(self, sale_id: str) -> SaleView | None:
        try:
            return SaleView.of(await self._client.call("GET", _path(sale_id)))
        except Refusal as refusal:
            if refusal.status == 404:
                return None
            raise

    async def allocate(self, sale_id: str, body: dict[str, Any], step: Step) -> None:
        await self._client.call("PUT", _path(sale_id), json=body, headers=step.headers())

    async def set_state(self, sale_id: str, state: str, step: Step) -> None:
        await self._client.call("POST", f"{_path(sale_id)}/state", json={"state": state}, headers=step.headers())

    async def set_admission(self, sale_id: str, max_active: int, rate: int, step: Step) -> None:
        body = {"maxActive": max_active, "ratePerSecond": rate}
        await self._client.call("POST", f"{_path(sale_id)}/admission", json=body, headers=step.headers())

    async def settle(self, sale_id: str, step: Step) -> dict[str, Any]:
        report: dict[str, Any] = await self._client.call("POST", f"{_path(sale_id)}/settle", headers=step.headers())
        return report

    async def delete(self, sale_id: str, step: Step) -> None:
        try:
            await self._client.call("DELETE", _path(sale_id), headers=step.headers())
        except Refusal as refusal:
            if refusal.status != 404:
                raise


def _path(sale_id: str) -> str:
    return f"/internal/flash-sales/{sale_id}"
