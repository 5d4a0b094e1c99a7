"""Inventory's internal flash-sale API in memory, held by tests/contract/sales_contract.py to what the real one does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from amazonlite_operator.shop.books import Books, books_of
from amazonlite_operator.shop.client import Refusal, Step, Unreachable
from amazonlite_operator.shop.inventory import SaleView

TRANSITIONS = {
    "SCHEDULED": {"QUEUEING", "LIVE", "DRAINING", "ABORTED"},
    "QUEUEING": {"LIVE", "PAUSED", "DRAINING", "ABORTED"},
    "LIVE": {"PAUSED", "DRAINING", "ABORTED"},
    "PAUSED": {"QUEUEING", "LIVE", "DRAINING", "ABORTED"},
    "DRAINING": {"SETTLED", "ABORTED"},
    "SETTLED": set[str](),
    "ABORTED": set[str](),
}
CLOSED = ("SETTLED", "ABORTED")


@dataclass
class Stock:
    free: int = 0
    held: int = 0
    sold: int = 0
    returned: int = 0

    @property
    def allocated(self) -> int:
        return self.free + self.held + self.sold


@dataclass
class Sale:
    """`terms` are empty of one that was deleted before it was allocated; `paid` of its held units are paid."""

    id: str
    terms: dict[str, Any]
    state: str = "SCHEDULED"
    stock: Stock = field(default_factory=Stock)
    paid: int = 0
    settled: bool = False
    fence: int = 0
    last_step: str = ""
    admission: tuple[int, float] = (0, 0)
    history: list[str] = field(default_factory=list)

    @property
    def rehearsal(self) -> bool:
        return bool(self.terms.get("rehearsal"))

    @property
    def sku(self) -> str:
        return f"REHEARSAL-{self.id}" if self.rehearsal else self.terms.get("sku", "")

    def body(self) -> dict[str, Any]:
        """What the API answers; nobody queues here."""
        stock = asdict(self.stock) | {"allocated": self.stock.allocated}
        return {
            "id": self.id,
            "sku": self.sku,
            "state": self.state,
            "settled": self.settled,
            "stock": stock,
            "oversold": 0,
            "conserved": True,
            "oldestOverdueHoldSeconds": 0.0,
            "holds": _present({"HELD": self.stock.held, "CONFIRMED": self.stock.sold}),
            "ledger": _present({"ALLOCATE": self.terms.get("quantity", 0), "SELL": self.stock.sold}),
            "fence": self.fence,
            "lastStep": self.last_step,
            "queue": {"waiting": 0, "active": 0, "admitted": 0, "rejected": 0, "available": True},
        }


class FakeInventory:
    """`stock` is what is available by SKU. Every write is given to `interrupt` before and after."""

    def __init__(self, stock: dict[str, int], interrupt: Callable[[str], None] = lambda moment: None) -> None:
        self.stock = stock
        self.sales: dict[str, Sale] = {}
        self.interrupt = interrupt
        self.up = True
        self.payments_up = True
        self.keys: dict[str, list[str]] = {}

    async def view(self, sale_id: str) -> SaleView | None:
        self._answer()
        sale = self.sales.get(sale_id)
        return None if sale is None else SaleView.of(sale.body())

    async def allocate(self, sale_id: str, body: dict[str, Any], step: Step) -> None:
        self._begin("allocate")
        if sale_id in self.sales:
            self._meet(self._taken(sale_id, step), body)
        else:
            self._take(sale_id, body, step)
        self._end("allocate", sale_id, step)

    async def set_state(self, sale_id: str, state: str, step: Step) -> None:
        self._begin(f"state {state}")
        self._move(self._taken(sale_id, step), state)
        self._end(f"state {state}", sale_id, step)

    async def set_admission(self, sale_id: str, max_active: int, rate: float, step: Step) -> None:
        self._begin("admission")
        self._taken(sale_id, step).admission = (max_active, rate)
        self._end("admission", sale_id, step)

    async def settle(self, sale_id: str, step: Step) -> dict[str, Any]:
        self._begin("settle")
        sale = self._taken(sale_id, step)
        self._settle(sale)
        self._end("settle", sale_id, step)
        return sale.body()

    async def delete(self, sale_id: str, step: Step) -> None:
        self._begin("delete")
        if sale_id not in self.sales:  # so that a late allocation cannot take stock that nobody would return
            self.sales[sale_id] = Sale(sale_id, {}, state="ABORTED", settled=True)
        sale = self._taken(sale_id, step)
        if sale.state != "SETTLED":
            self._move(sale, "ABORTED")
            self._end_holds(sale)
        self._settle(sale)
        self._end("delete", sale_id, step)

    def claim(self, sale_id: str, units: int) -> None:
        sale = self.sales[sale_id]
        assert sale.state == "LIVE" and sale.stock.free >= units
        sale.stock.free, sale.stock.held = sale.stock.free - units, sale.stock.held + units

    def authorize(self, sale_id: str, units: int) -> None:
        """Payment has decided for held units; inventory has not heard of it yet."""
        self.sales[sale_id].paid += units

    def pay(self, sale_id: str, units: int) -> None:
        stock = self.sales[sale_id].stock
        stock.held, stock.sold = stock.held - units, stock.sold + units

    def take_back(self, sale_id: str, units: int) -> None:
        """Orders of sold units were cancelled: a sale that is closed gives them to the general stock."""
        sale = self.sales[sale_id]
        sale.stock.sold, sale.stock.free = sale.stock.sold - units, sale.stock.free + units
        if sale.state in CLOSED:
            self._return(sale)

    def expire(self, sale_id: str) -> None:
        stock = self.sales[sale_id].stock
        stock.free, stock.held = stock.free + stock.held, 0

    def _answer(self) -> None:
        if not self.up:
            raise Unreachable("inventory")

    def _begin(self, what: str) -> None:
        self._answer()
        self.interrupt(f"before {what}")

    def _end(self, what: str, sale_id: str, step: Step) -> None:
        self.keys.setdefault(sale_id, []).append(step.key)
        self.interrupt(f"after {what}")

    def _taken(self, sale_id: str, step: Step) -> Sale:
        """The sale with the step noted. A killed replica must never be able to use an older number again."""
        sale = self.sales.get(sale_id)
        if sale is None:
            raise Refusal(404, "sale_not_found", f"There is no sale {sale_id}.")
        if step.fence < sale.fence:
            raise Refusal(409, "stale_fence", f"seen {sale.fence}", {"fence": sale.fence})
        sale.fence, sale.last_step = step.fence, step.key
        return sale

    def _meet(self, sale: Sale, body: dict[str, Any]) -> None:
        if not sale.terms:
            raise Refusal(409, "illegal_transition", f"{sale.state} to SCHEDULED")
        if sale.terms != body:
            raise Refusal(409, "sale_differs", "the terms are fixed")

    def _take(self, sale_id: str, body: dict[str, Any], step: Step) -> None:
        new = Sale(sale_id, body, fence=step.fence, last_step=step.key)
        if any(sale.sku == new.sku and sale.state not in CLOSED for sale in self.sales.values()):
            raise Refusal(409, "sku_on_sale", f"{new.sku} is on sale.")
        if body["sku"] not in self.stock:
            raise Refusal(404, "unknown_sku", f"there is no {body['sku']}.")
        if new.rehearsal:
            self.stock[new.sku] = body["quantity"]
        if self.stock[new.sku] < body["quantity"]:
            raise Refusal(409, "insufficient_stock", f"{self.stock[new.sku]} available.")
        self.stock[new.sku] -= body["quantity"]
        new.stock.free = body["quantity"]
        self.sales[sale_id] = new

    def _move(self, sale: Sale, state: str) -> None:
        if state == sale.state:
            return
        if state not in TRANSITIONS[sale.state]:
            raise Refusal(409, "illegal_transition", f"{sale.state} to {state}")
        sale.state = state
        sale.history.append(state)
        if state == "ABORTED":
            self._return(sale)

    def _end_holds(self, sale: Sale) -> None:
        """What is paid is sold, the rest goes back; nothing moves while payments do not say which is which."""
        if sale.stock.held and not self.payments_up and not sale.rehearsal:
            raise Unreachable("inventory: 503", service="payment")
        sale.stock.sold, sale.stock.free = sale.stock.sold + sale.paid, sale.stock.free + sale.stock.held - sale.paid
        sale.stock.held = sale.paid = 0
        self._return(sale)

    def _settle(self, sale: Sale) -> None:
        if sale.settled:
            return
        if sale.state not in ("DRAINING", "ABORTED"):
            raise Refusal(409, "illegal_transition", f"{sale.state} to SETTLED")
        if sale.stock.held:
            raise Refusal(409, "holds_outstanding", f"{sale.stock.held} held")
        self._return(sale)
        sale.settled = True
        if sale.state == "DRAINING":
            sale.state = "SETTLED"

    def _return(self, sale: Sale) -> None:
        if sale.terms and not sale.rehearsal:
            self.stock[sale.sku] += sale.stock.free
        sale.stock.free, sale.stock.returned = 0, sale.stock.returned + sale.stock.free


class FakeBooks:
    """Orders and payments that agree with inventory, an order a unit, unless told otherwise."""

    def __init__(self, inventory: FakeInventory) -> None:
        self._inventory = inventory
        self.up = True
        self.missing_orders = 0
        self.orders_in_flight = 0
        self.voided = 0
        self.paid_orders_lost = 0

    async def books(self, sale_id: str) -> Books:
        return books_of(self.orders(sale_id), self.payments(sale_id))

    def orders(self, sale_id: str) -> dict[str, Any]:
        """What the order service answers about the sale."""
        self._answer()
        sold = self._sale(sale_id).stock.sold
        by_state = _present({"CONFIRMED": sold - self.missing_orders, "RESERVED": self.orders_in_flight})
        return {"saleId": sale_id, "byState": by_state, "units": dict(by_state), "total": sum(by_state.values())}

    def payments(self, sale_id: str) -> dict[str, Any]:
        """What the payment service answers about the sale."""
        self._answer()
        sale = self._sale(sale_id)
        counts = _present({"CAPTURED": sale.stock.sold, "VOIDED": self.voided})
        by_state = {state: _sum(count, sale.terms["unitPrice"]) for state, count in counts.items()}
        return {"saleId": sale_id, "byState": by_state, "paidOrdersLost": self.paid_orders_lost}

    def _answer(self) -> None:
        if not self.up:
            raise Unreachable("books")

    def _sale(self, sale_id: str) -> Sale:
        return self._inventory.sales.get(sale_id, Sale(sale_id, {}))


class FakeClaims:
    """Counters of one pod, set by the test; `silent`, it misses the scrape."""

    def __init__(self) -> None:
        self.counters: dict[tuple[str, str], float] = {}
        self.silent = False

    async def scrape(self, namespace: str, sale_id: str) -> dict[str, dict[tuple[str, str], float]]:
        return {} if self.silent else {"pod": dict(self.counters)}


def _present(counts: Mapping[str, int]) -> dict[str, int]:
    """A state that nothing is in is left out."""
    return {state: count for state, count in counts.items() if count}


def _sum(count: int, price: Mapping[str, Any]) -> dict[str, Any]:
    return {"count": count, "amount": {"amount": count * price["amount"], "currency": price["currency"]}}
