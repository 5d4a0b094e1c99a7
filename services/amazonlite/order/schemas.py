"""What the order API takes and answers; money is an integer of minor units with its currency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import Field

from amazonlite.common.core.clock import iso
from amazonlite.common.http.body import Body, MoneyView
from amazonlite.common.http.fields import Id, Sku
from amazonlite.order.domain import MAX_LINES, MAX_QUANTITY, Line, Order, OrderState, TimelineEntry
from amazonlite.order.store import Outcome

MOST_ORDERS = 500


class WantedLine(Body):
    sku: Sku
    quantity: int = Field(ge=1, le=MAX_QUANTITY)


class CreateOrder(Body):
    lines: list[WantedLine] = Field(min_length=1, max_length=MAX_LINES)


class ConfirmOrder(Body):
    payment_id: Id


class LineView(Body):
    sku: str
    quantity: int
    unit_price: MoneyView

    @classmethod
    def of(cls, line: Line) -> LineView:
        return cls(sku=line.sku, quantity=line.quantity, unit_price=MoneyView.of(line.unit_price))


MESSAGES: Mapping[OrderState, str] = {
    OrderState.PENDING: "The goods are being reserved.",
    OrderState.RESERVED: "The goods are reserved until the time to pay is over.",
    OrderState.AUTHORIZED: "The payment is held and the order is being confirmed.",
    OrderState.CONFIRMED: "The goods are yours; the payment is being taken.",
    OrderState.COMPLETED: "Paid and done.",
    OrderState.REJECTED: "The goods could not be reserved; nothing was charged.",
    OrderState.CANCELLED: "Cancelled; money that was held is given back.",
    OrderState.TIMED_OUT: "Not paid in time; nothing was charged.",
}


class OrderView(Body):
    """``message`` tells the customer what ``state`` means."""

    order_id: str
    customer_id: str
    state: str
    message: str
    reason: str
    lines: list[LineView]
    total: MoneyView
    pay_before: str
    created_at: str
    sale_id: str | None
    reservation_id: str | None
    payment_id: str | None

    @classmethod
    def of(cls, order: Order) -> OrderView:
        return cls(
            order_id=order.order_id,
            customer_id=order.customer_id,
            state=order.state,
            message=MESSAGES[order.state],
            reason=order.reason,
            lines=[LineView.of(line) for line in order.lines],
            total=MoneyView.of(order.total),
            pay_before=iso(order.pay_before),
            created_at=iso(order.created_at),
            sale_id=order.sale_id,
            reservation_id=order.reservation_id,
            payment_id=order.payment_id,
        )


class OrderPage(Body):
    items: list[OrderView]
    next_cursor: str | None


class TimelineEntryView(Body):
    """``applied`` is false for what came too late to change the order; ``state`` is null before the order exists."""

    seq: int
    state: str | None
    applied: bool
    at: str
    cause: str
    cause_event_id: str
    reason: str

    @classmethod
    def of(cls, entry: TimelineEntry) -> TimelineEntryView:
        return cls(
            seq=entry.seq,
            state=entry.state,
            applied=entry.applied,
            at=iso(entry.at),
            cause=entry.cause.name,
            cause_event_id=entry.cause.event_id,
            reason=entry.reason,
        )


class TimelineView(Body):
    order_id: str
    entries: list[TimelineEntryView]


class SaleSummary(Body):
    """Orders and units of one sale, by state; ``total`` counts orders."""

    sale_id: str
    by_state: dict[str, int]
    units: dict[str, int]
    total: int


class AskOutcomes(Body):
    order_ids: list[Id] = Field(min_length=1, max_length=MOST_ORDERS)


class OutcomeView(Body):
    order_id: str
    state: str
    reason: str


class OutcomesView(Body):
    """How the orders stand, each with the reason if it was closed."""

    orders: list[OutcomeView]

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> OutcomesView:
        return cls(orders=[OutcomeView(order_id=one.order_id, state=one.state, reason=one.reason) for one in outcomes])
