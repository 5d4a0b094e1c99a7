"""Do stock, orders and payments tell the same story about a sale that is over?"""

from __future__ import annotations

from dataclasses import dataclass

from amazonlite_operator.flash_sale.spec import FlashSaleSpec
from amazonlite_operator.flash_sale.state import Books, Settlement


@dataclass(frozen=True, slots=True)
class Judgement:
    """`final` False: the difference may still go away by itself."""

    balanced: bool
    final: bool
    message: str


def judge(spec: FlashSaleSpec, settlement: Settlement, books: Books | None) -> Judgement:
    """Units sold = units of bought orders, and their price = what is captured or will be."""
    if settlement.oversold or not settlement.conserved:
        return Judgement(False, True, f"{settlement.oversold} oversold, conserved: {settlement.conserved}")
    if books is None:
        return Judgement(False, False, "orders or payments do not answer")
    sold, due = settlement.stock.sold, settlement.stock.sold * spec.price.amount
    story = (
        f"{sold} sold, {books.units_ordered} ordered; {due} {spec.price.currency} due, {books.amount_paid} paid; "
        f"in flight: {books.orders_in_flight} orders, {books.payments_in_flight} payments"
    )
    in_flight = books.orders_in_flight + books.payments_in_flight
    balanced = in_flight == 0 and books.units_ordered == sold and books.amount_paid == due
    return Judgement(balanced, balanced, story)
