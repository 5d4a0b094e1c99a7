"""What the stock API takes and answers; quantities are whole units."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from amazonlite.common.core.clock import iso
from amazonlite.common.http.body import Body
from amazonlite.common.http.fields import Id, Sku
from amazonlite.inventory.reservations.domain import Line, Reservation
from amazonlite.inventory.stock.domain import EntryKind, Reason, Stock, balance

MOST_UNITS = 1_000_000_000
Units = Annotated[int, Field(ge=0, le=MOST_UNITS)]


class OnHand(Body):
    on_hand: Units


class Adjustment(Body):
    """So many units more, or less where negative."""

    units: Annotated[int, Field(ge=-MOST_UNITS, le=MOST_UNITS)]
    reason: Reason

    @field_validator("units")
    @classmethod
    def _not_zero(cls, units: int) -> int:
        if units == 0:
            raise ValueError("must not be 0")
        return units


class SkuOnHand(OnHand):
    sku: Sku


class StockView(Body):
    sku: str
    on_hand: int
    available: int
    reserved: int

    @classmethod
    def of(cls, stock: Stock) -> StockView:
        return cls(sku=stock.sku, on_hand=stock.on_hand, available=stock.available, reserved=stock.reserved)


class WantedLine(Body):
    sku: Sku
    quantity: int = Field(ge=1, le=MOST_UNITS)


class ReserveOrder(Body):
    order_id: Id
    lines: list[WantedLine] = Field(min_length=1, max_length=100)
    ttl_seconds: int = Field(ge=1, le=7 * 24 * 3600)

    def units(self) -> list[Line]:
        """One line a SKU."""
        units: dict[str, int] = {}
        for line in self.lines:
            units[line.sku] = units.get(line.sku, 0) + line.quantity
        return [Line(sku, quantity) for sku, quantity in units.items()]


class LineView(Body):
    sku: str
    quantity: int


class ReservationView(Body):
    reservation_id: str
    order_id: str
    state: str
    expires_at: str
    lines: list[LineView]

    @classmethod
    def of(cls, reservation: Reservation) -> ReservationView:
        return cls(
            reservation_id=reservation.id,
            order_id=reservation.order_id,
            state=reservation.state,
            expires_at=iso(reservation.expires_at),
            lines=[LineView(sku=line.sku, quantity=line.quantity) for line in reservation.lines],
        )


class LedgerView(Body):
    """A SKU's counters beside what its ledger adds up to; ``units`` is the sum of each kind of entry."""

    sku: str
    units: dict[str, int]
    ledger: StockView
    stock: StockView
    conserved: bool

    @classmethod
    def of(cls, stock: Stock, totals: dict[EntryKind, int]) -> LedgerView:
        told = balance(totals)
        by_ledger = Stock(stock.sku, told.on_hand, told.available, told.reserved)
        return cls(
            sku=stock.sku,
            units={kind.value: units for kind, units in totals.items()},
            ledger=StockView.of(by_ledger),
            stock=StockView.of(stock),
            conserved=by_ledger == stock,
        )
