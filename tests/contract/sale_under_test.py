"""A sale as the contract's tests see it: the operator's steps on it, and what every answer must look like."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from amazonlite.common.core.clock import iso
from amazonlite.common.core.ids import new_id
from amazonlite.common.testing.asgi import Answer

PRICE = {"amount": 999, "currency": "USD"}
NOW = datetime.now(UTC).replace(microsecond=0)
PATHS = {
    "SCHEDULED": [],
    "QUEUEING": ["QUEUEING"],
    "LIVE": ["LIVE"],
    "PAUSED": ["LIVE", "PAUSED"],
    "DRAINING": ["DRAINING"],
    "ABORTED": ["ABORTED"],
}
BODY = {
    "id",
    "sku",
    "state",
    "settled",
    "stock",
    "oversold",
    "conserved",
    "oldestOverdueHoldSeconds",
    "holds",
    "ledger",
    "fence",
    "lastStep",
    "queue",
}
_numbers = itertools.count()


class Shop(Protocol):
    """The services as the operator calls them, and the customers it never sees."""

    async def call(
        self, method: str, path: str, json: Any = None, *, headers: dict[str, str] | None = None
    ) -> Answer: ...

    async def put_in_stock(self, sku: str, units: int) -> None: ...

    async def available(self, sku: str) -> int: ...

    async def hold(self, sale_id: str, units: int) -> None:
        """So many customers hold one unit each."""
        ...

    async def authorize(self, sale_id: str) -> None:
        """All holds are paid; only payment knows it yet."""
        ...

    async def buy(self, sale_id: str) -> None:
        """All holds are paid, and everybody knows it."""
        ...

    def set_payments(self, *, up: bool) -> None: ...


@dataclass
class Sale:
    """A sale of ten units, and the operator's steps on it."""

    shop: Shop
    id: str = field(default_factory=lambda: new_id("fs"))
    sku: str = field(default_factory=lambda: f"SKU{next(_numbers)}")

    @property
    def path(self) -> str:
        return f"/internal/flash-sales/{self.id}"

    def terms(self, **overrides: Any) -> dict[str, Any]:
        return {
            "name": "spring",
            "sku": self.sku,
            "quantity": 10,
            "unitPrice": PRICE,
            "window": {"start": iso(NOW - timedelta(minutes=1)), "end": iso(NOW + timedelta(hours=1))},
            "perCustomerLimit": 1,
            "holdTtlSeconds": 600,
            "admission": {"maxActive": 100, "ratePerSecond": 100, "order": "Fifo", "preQueueSeconds": 30},
            "rehearsal": False,
            **overrides,
        }

    async def look(self) -> Answer:
        return await self.shop.call("GET", self.path)

    async def allocate(self, *, fence: int = 1, **overrides: Any) -> Answer:
        return await self.shop.call("PUT", self.path, self.terms(**overrides), headers=step(fence))

    async def move(self, state: str, *, fence: int = 1) -> Answer:
        return await self.shop.call("POST", f"{self.path}/state", {"state": state}, headers=step(fence))

    async def admit(self, max_active: int, rate: float, *, fence: int = 1) -> Answer:
        body = {"maxActive": max_active, "ratePerSecond": rate}
        return await self.shop.call("POST", f"{self.path}/admission", body, headers=step(fence))

    async def settle(self, *, fence: int = 1) -> Answer:
        return await self.shop.call("POST", f"{self.path}/settle", headers=step(fence))

    async def delete(self, *, fence: int = 1) -> Answer:
        return await self.shop.call("DELETE", self.path, headers=step(fence))

    async def in_state(self, state: str, **overrides: Any) -> Sale:
        """Itself, stocked with 25, allocated and moved."""
        await self.shop.put_in_stock(self.sku, 25)
        body_of(await self.allocate(**overrides))
        for way in PATHS[state]:
            body_of(await self.move(way))
        return self

    async def orders(self) -> dict[str, Any]:
        return ok(await self.shop.call("GET", f"/internal/orders?saleId={self.id}"))

    async def payments(self) -> dict[str, Any]:
        return ok(await self.shop.call("POST", "/internal/payments/summary", {"saleId": self.id}))


def step(fence: int) -> dict[str, str]:
    return {"Idempotency-Key": f"uid:{next(_numbers)}", "X-Fencing-Token": str(fence)}


def ok(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.json()
    return found


def body_of(answer: Answer) -> dict[str, Any]:
    """The sale in an answer, which is whole whatever was asked."""
    body = ok(answer)
    assert set(body) == BODY
    assert set(body["queue"]) == {"waiting", "active", "admitted", "rejected", "available"}
    stock = body["stock"]
    assert stock["allocated"] == stock["free"] + stock["held"] + stock["sold"]
    assert (body["conserved"], body["oversold"]) == (True, 0)
    assert body["holds"].get("HELD", 0) == stock["held"]
    assert body["holds"].get("CONFIRMED", 0) == stock["sold"]
    return body


def units(answer: Answer) -> tuple[int, int, int, int]:
    """(free, held, sold, returned)."""
    stock = body_of(answer)["stock"]
    return stock["free"], stock["held"], stock["sold"], stock["returned"]


def assert_problem(answer: Answer, status: int, code: str) -> dict[str, Any]:
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem: dict[str, Any] = answer.json()
    assert (answer.status, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"].endswith(f"/{code}")
    assert problem["title"] and problem["detail"] and problem["instance"] and problem["correlationId"]
    return problem
