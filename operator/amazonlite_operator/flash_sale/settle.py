"""Do stock, orders and payments tell the same story about a sale that is over?"""

from __future__ import annotations

from dataclasses import dataclass

from amazonlite.common.core.money import Money
from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.flash_sale.spec import FlashSaleSpec
from amazonlite_operator.flash_sale.status import Settlement
from amazonlite_operator.shop.books import Books
from amazonlite_operator.shop.inventory import SaleView


@dataclass(frozen=True, slots=True)
class Decision:
    """`final` False: the difference may still go away by itself. `reason`: why the sale fails if it does not."""

    balanced: bool
    final: bool
    reason: Reason
    message: str


def latest(settlement: Settlement, sale: SaleView | None) -> Settlement:
    """The settlement with the stock that inventory shows now: an order cancelled late puts sold units back."""
    if sale is None:
        return settlement
    now = {"stock": sale.stock, "oversold": sale.oversold, "conserved": sale.conserved}
    return settlement.model_copy(update=now)


def decide(spec: FlashSaleSpec, settlement: Settlement, books: Books | None) -> Decision:
    """Units sold = units of bought orders, their price = what is captured or will be, and no paid order is lost."""
    if settlement.oversold or not settlement.conserved:
        numbers = f"{settlement.oversold} oversold, conserved: {settlement.conserved}"
        return Decision(False, True, Reason.STOCK_NOT_CONSERVED, numbers)
    if books is None:
        return Decision(False, False, Reason.RECONCILIATION_MISMATCH, "orders or payments do not answer")
    sold, due = settlement.stock.sold, settlement.stock.sold * spec.price.amount
    story = _story(sold, Money(due, spec.price.currency), books)
    decided = books.orders_in_flight + books.payments_in_flight == 0
    if books.paid_orders_lost:
        return Decision(False, decided, Reason.PAID_ORDERS_LOST, story)
    balanced = decided and books.units_ordered == sold and books.amount_paid == due
    return Decision(balanced, balanced, Reason.RECONCILIATION_MISMATCH, story)


def _story(sold: int, due: Money, books: Books) -> str:
    payments, paid = books.payments, Money(books.amount_paid, due.currency)
    return (
        f"{sold} sold, {books.units_ordered} ordered; {due.display()} due, {paid.display()} paid; "
        f"in flight: {books.orders_in_flight} orders, {books.payments_in_flight} payments; "
        f"payments: {payments.captured} captured, {payments.authorized} authorized, {payments.voided} voided, "
        f"{payments.failed} failed; paid orders lost: {books.paid_orders_lost}"
    )
