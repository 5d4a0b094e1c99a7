"""Inventory's internal flash-sale API in memory, with its rules: one stock, fences, terms that cannot change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from amazonlite_operator.flash_sale.state import Books, Queue, Stock
from amazonlite_operator.shop.client import Refusal, Unreachable
from amazonlite_operator.shop.inventory import SaleView, Step

TRANSITIONS = {
    "SCHEDULED": {"QUEUEING", "LIVE", "DRAINING", "ABORTED"},
    "QUEUEING": {"LIVE", "PAUSED", "DRAINING", "ABORTED"},
    "LIVE": {"PAUSED", "DRAINING", "ABORTED"},
    "PAUSED": {"QUEUEING", "LIVE", "DRAINING", "ABORTED"},
    "DRAINING": {"SETTLED", "ABORTED"},
    "SETTLED": set[str](),
    "ABORTED": set[str](),
}


@dataclass
class Sale:
    terms: dict[str, Any]
    state: str = "SCHEDULED"
    free: int = 0
    held: int = 0
    sold: int = 0
    returned: int = 0
    settled: bool = False
    fence: int = 0
    admission: tuple[int, int] = (0, 0)
    history: list[str] = field(default_factory=list)


class FakeInventory:
    """`stock` is what is available by SKU. Every write is given to `interrupt` before and after."""

    def __init__(self, stock: dict[str, int], interrupt: Callable[[str], None] = lambda moment: None) -> None:
        self.stock = stock
        self.sales: dict[str, Sale] = {}
        self.interrupt = interrupt
        self.up = True
        self.keys: dict[str, list[str]] = {}
        self.oversold = 0

    async def view(self, sale_id: str) -> SaleView | None:
        self._answer()
        sale = self.sales.get(sale_id)
        return (
            None
            if sale is None
            else SaleView(sale_id, sale.state, self._counters(sale), self.oversold, True, 0.0, Queue())
        )

    async def allocate(self, sale_id: str, body: dict[str, Any], step: Step) -> None:
        self._begin("allocate", step)
        sale = self.sales.get(sale_id)
        if sale is not None and sale.terms != body:
            raise Refusal(409, "sale_differs", "the terms are fixed")
        if sale is None:
            self._take(sale_id, body)
        self._end("allocate", sale_id, step)

    async def set_state(self, sale_id: str, state: str, step: Step) -> None:
        self._begin(f"state {state}", step)
        sale = self._sale(sale_id, step)
        if state != sale.state:
            if state not in TRANSITIONS[sale.state]:
                raise Refusal(409, "illegal_transition", f"{sale.state} to {state}")
            sale.state = state
            sale.history.append(state)
            if state == "ABORTED":
                self._return(sale)
        self._end(f"state {state}", sale_id, step)

    async def set_admission(self, sale_id: str, max_active: int, rate: int, step: Step) -> None:
        self._begin("admission", step)
        self._sale(sale_id, step).admission = (max_active, rate)
        self._end("admission", sale_id, step)

    async def settle(self, sale_id: str, step: Step) -> dict[str, Any]:
        self._begin("settle", step)
        sale = self._sale(sale_id, step)
        if sale.held:
            raise Refusal(409, "holds_outstanding", f"{sale.held} held")
        if sale.state not in ("DRAINING", "ABORTED", "SETTLED"):
            raise Refusal(409, "illegal_transition", sale.state)
        self._return(sale)
        sale.settled = True
        if sale.state == "DRAINING":
            sale.state = "SETTLED"
        self._end("settle", sale_id, step)
        return {"stock": self._counters(sale).model_dump(), "ledger": {}, "conserved": True}

    async def delete(self, sale_id: str, step: Step) -> None:
        self._begin("delete", step)
        if sale_id not in self.sales:  # so that a late allocation cannot take stock that nobody would return
            self.sales[sale_id] = Sale(terms={"sku": "", "rehearsal": True}, state="ABORTED", settled=True)
        sale = self._sale(sale_id, step)
        if sale.state not in ("SETTLED", "ABORTED"):
            sale.state = "ABORTED"
        sale.free, sale.held = sale.free + sale.held, 0
        self._return(sale)
        self._end("delete", sale_id, step)

    def claim(self, sale_id: str, units: int) -> None:
        sale = self.sales[sale_id]
        assert sale.state == "LIVE" and sale.free >= units
        sale.free, sale.held = sale.free - units, sale.held + units

    def pay(self, sale_id: str, units: int) -> None:
        sale = self.sales[sale_id]
        sale.held, sale.sold = sale.held - units, sale.sold + units

    def expire(self, sale_id: str) -> None:
        sale = self.sales[sale_id]
        sale.free, sale.held = sale.free + sale.held, 0

    def _answer(self) -> None:
        if not self.up:
            raise Unreachable("inventory")

    def _begin(self, what: str, step: Step) -> None:
        self._answer()
        self.interrupt(f"before {what}")
        # A replica that was killed must never be able to use an older number again.
        for sale in self.sales.values():
            if step.fence < sale.fence:
                raise Refusal(409, "stale_fence", f"seen {sale.fence}")

    def _end(self, what: str, sale_id: str, step: Step) -> None:
        self.sales[sale_id].fence = step.fence
        self.keys.setdefault(sale_id, []).append(step.key)
        self.interrupt(f"after {what}")

    def _take(self, sale_id: str, body: dict[str, Any]) -> None:
        sku = f"REHEARSAL-{sale_id}" if body["rehearsal"] else body["sku"]
        if body["rehearsal"]:
            self.stock[sku] = body["quantity"]
        if sku not in self.stock:
            raise Refusal(404, "unknown_sku", f"there is no {sku}.")
        if any(sale.terms["sku"] == sku and sale.state not in ("SETTLED", "ABORTED") for sale in self.sales.values()):
            raise Refusal(409, "sku_on_sale", f"{sku} is on sale.")
        if self.stock[sku] < body["quantity"]:
            raise Refusal(409, "insufficient_stock", f"{self.stock[sku]} available.")
        self.stock[sku] -= body["quantity"]
        self.sales[sale_id] = Sale(terms=body, free=body["quantity"])

    def _return(self, sale: Sale) -> None:
        sku = sale.terms["sku"]
        if not sale.terms["rehearsal"]:
            self.stock[sku] += sale.free
        sale.free, sale.returned = 0, sale.returned + sale.free

    def _sale(self, sale_id: str, step: Step) -> Sale:
        sale = self.sales.get(sale_id)
        if sale is None:
            raise Refusal(404, "sale_not_found", sale_id)
        return sale

    def _counters(self, sale: Sale) -> Stock:
        return Stock(
            allocated=sale.free + sale.held + sale.sold,
            free=sale.free,
            held=sale.held,
            sold=sale.sold,
            returned=sale.returned,
        )


class FakeBooks:
    """Orders and payments that agree with inventory, unless told otherwise."""

    def __init__(self, inventory: FakeInventory) -> None:
        self._inventory = inventory
        self.missing_units = 0
        self.orders_in_flight = 0

    async def books(self, sale_id: str) -> Books:
        sale = self._inventory.sales.get(sale_id)
        if sale is None:
            return Books()
        units = sale.sold - self.missing_units
        price = sale.terms["unitPrice"]["amount"]
        return Books(units_ordered=units, amount_paid=sale.sold * price, orders_in_flight=self.orders_in_flight)


class FakeClaims:
    """Counters of one pod, set by the test."""

    def __init__(self) -> None:
        self.counters: dict[tuple[str, str], float] = {}

    async def scrape(self, namespace: str, sale_id: str) -> dict[str, dict[tuple[str, str], float]]:
        return {"pod": dict(self.counters)}
