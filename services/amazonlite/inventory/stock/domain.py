"""Stock never goes below zero, and ``on_hand = available + reserved`` at every observation.

Quantities are whole units of a SKU. Whatever changes a counter is an entry of the ledger: EFFECTS says what one unit
of each kind does, and the counters are at all times the sum of their entries. A sale's unsold units are inside
``reserved`` of its SKU, and ``allocated = free + held + sold``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import ClassVar

from amazonlite.common.core.errors import Conflict, DomainError, InvalidInput, NotFound


@dataclass(frozen=True, slots=True)
class Delta:
    """What changes: the first three in the stock of a SKU, the rest in a sale."""

    on_hand: int = 0
    available: int = 0
    reserved: int = 0
    allocated: int = 0
    free: int = 0
    held: int = 0
    sold: int = 0
    returned: int = 0

    def times(self, quantity: int) -> Delta:
        return Delta(*(getattr(self, each.name) * quantity for each in fields(self)))

    def plus(self, other: Delta) -> Delta:
        return Delta(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


class EntryKind(StrEnum):
    """What an entry of the ledger records."""

    ADJUST = "ADJUST"
    RESERVE = "RESERVE"
    RELEASE = "RELEASE"
    CONFIRM = "CONFIRM"
    ALLOCATE = "ALLOCATE"
    HOLD = "HOLD"
    UNHOLD = "UNHOLD"
    SELL = "SELL"
    RETURN = "RETURN"
    RETURN_HELD = "RETURN_HELD"
    RESTOCK = "RESTOCK"
    UNSELL = "UNSELL"
    RETURN_SOLD = "RETURN_SOLD"


EFFECTS: Mapping[EntryKind, Delta] = {
    EntryKind.ADJUST: Delta(on_hand=1, available=1),
    EntryKind.RESERVE: Delta(available=-1, reserved=1),
    EntryKind.RELEASE: Delta(available=1, reserved=-1),
    EntryKind.CONFIRM: Delta(on_hand=-1, reserved=-1),
    EntryKind.ALLOCATE: Delta(available=-1, reserved=1, allocated=1, free=1),
    EntryKind.HOLD: Delta(free=-1, held=1),
    EntryKind.UNHOLD: Delta(held=-1, free=1),
    EntryKind.SELL: Delta(on_hand=-1, reserved=-1, held=-1, sold=1),
    EntryKind.RETURN: Delta(available=1, reserved=-1, allocated=-1, free=-1, returned=1),
    EntryKind.RETURN_HELD: Delta(available=1, reserved=-1, allocated=-1, held=-1, returned=1),
    EntryKind.RESTOCK: Delta(on_hand=1, available=1),
    EntryKind.UNSELL: Delta(on_hand=1, reserved=1, sold=-1, free=1),
    EntryKind.RETURN_SOLD: Delta(on_hand=1, available=1, allocated=-1, sold=-1, returned=1),
}


def balance(totals: Mapping[EntryKind, int]) -> Delta:
    """The counters that entries with these total quantities add up to."""
    total = Delta()
    for kind, quantity in totals.items():
        total = total.plus(EFFECTS[kind].times(quantity))
    return total


class Reason(StrEnum):
    """Why staff changed what is on hand."""

    COUNTED = "counted"
    RECEIVED = "received"
    FOUND = "found"
    RETURNED = "returned"
    DAMAGED = "damaged"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Entry:
    """One effect on the counters; ``key`` names it for ever, so that it cannot be booked twice."""

    key: str
    kind: EntryKind
    sku: str
    quantity: int
    sale_id: str | None = None
    reason: Reason | None = None


def totals_of(entries: Iterable[Entry]) -> dict[EntryKind, int]:
    totals: dict[EntryKind, int] = {}
    for entry in entries:
        totals[entry.kind] = totals.get(entry.kind, 0) + entry.quantity
    return totals


@dataclass(frozen=True, slots=True)
class Stock:
    sku: str
    on_hand: int
    available: int
    reserved: int
    version: int = field(default=0, compare=False)
    """Grows with every change of the counters; 0 as long as there was none."""

    @property
    def tag(self) -> str:
        """Names the stock as it is, and never another one: units that went and came back make a new tag."""
        return str(self.version)

    @property
    def has_moved(self) -> bool:
        return self.version > 0


class UnknownSku(NotFound):
    """No stock was ever recorded under this SKU; record some first."""

    code: ClassVar[str] = "unknown_sku"
    title: ClassVar[str] = "Unknown SKU"

    def __init__(self, sku: str) -> None:
        super().__init__(f"There is no stock record of {sku}.", sku=sku)


class InsufficientStock(Conflict):
    """Fewer units are available than wanted; want fewer or wait for stock."""

    code: ClassVar[str] = "insufficient_stock"
    title: ClassVar[str] = "Insufficient stock"

    def __init__(self, sku: str, wanted: int, available: int) -> None:
        super().__init__(f"{wanted} of {sku} wanted, {available} available.", sku=sku, available=available)
        self.sku = sku


class BelowReserved(Conflict):
    """On-hand stock may not fall below what is reserved; set it to at least that."""

    code: ClassVar[str] = "below_reserved"
    title: ClassVar[str] = "Less than is reserved"

    def __init__(self, stock: Stock, on_hand: int) -> None:
        super().__init__(
            f"{stock.reserved} of {stock.sku} are reserved, so {on_hand} on hand cannot be.",
            sku=stock.sku,
            reserved=stock.reserved,
        )


class CountIsStale(DomainError):
    """The stock moved since it was compared with the count; read it, count again, and send that."""

    status: ClassVar[int] = 412
    code: ClassVar[str] = "stock_changed"
    title: ClassVar[str] = "The stock has changed"

    def __init__(self, stock: Stock) -> None:
        super().__init__(
            f"{stock.sku} has {stock.on_hand} on hand and {stock.reserved} reserved by now.",
            next_step="Nothing was changed. Read the stock, count again, and send the new ETag as If-Match.",
            headers={"ETag": f'"{stock.tag}"'},
        )


class CountNeedsComparison(DomainError):
    """A count of stock that is there already says which stock was counted."""

    status: ClassVar[int] = 428
    code: ClassVar[str] = "precondition_required"
    title: ClassVar[str] = "A count needs If-Match"

    def __init__(self, stock: Stock) -> None:
        super().__init__(
            f"{stock.sku} has stock already; units sold since the count would come back.",
            next_step="Nothing was changed. Send the ETag of GET /api/inventory/{sku} as If-Match, or an adjustment.",
            headers={"ETag": f'"{stock.tag}"'},
        )


class AdjustmentKeyReused(InvalidInput):
    """The key already names another adjustment of this SKU; send this one under a key of its own."""

    code: ClassVar[str] = "idempotency_key_reused"
    title: ClassVar[str] = "Idempotency key reused"

    def __init__(self) -> None:
        super().__init__("This idempotency key was used for another adjustment.")
