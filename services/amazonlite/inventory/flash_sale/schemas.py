"""What the flash-sale API takes and answers."""

from __future__ import annotations

from pydantic import Field

from amazonlite.common.core.clock import iso
from amazonlite.common.http.body import Body, MoneyView
from amazonlite.inventory.flash_sale.decide import Held
from amazonlite.inventory.flash_sale.domain import Counters, Sale, SaleState, Terms
from amazonlite.inventory.flash_sale.queue import Joined, eta_seconds, poll_after_seconds
from amazonlite.inventory.flash_sale.queue_store import QueuePosition
from amazonlite.inventory.flash_sale.read import QueueLook
from amazonlite.inventory.reservations.domain import Reservation

DAY = 24 * 3600


class ClaimUnits(Body):
    quantity: int = Field(ge=1, le=1_000_000)


class WindowView(Body):
    start: str
    end: str
    queue_opens: str

    @classmethod
    def of(cls, terms: Terms) -> WindowView:
        return cls(start=iso(terms.starts_at), end=iso(terms.ends_at), queue_opens=iso(terms.queue_opens_at))


class CountersView(Body):
    allocated: int
    free: int
    held: int
    sold: int
    returned: int

    @classmethod
    def of(cls, counters: Counters) -> CountersView:
        return cls(
            allocated=counters.allocated,
            free=counters.free,
            held=counters.held,
            sold=counters.sold,
            returned=counters.returned,
        )


class QueueView(Body):
    """``available`` false: the queue's store is away, so that waiting and active are not known."""

    waiting: int
    active: int
    admitted: int
    rejected: int
    available: bool

    @classmethod
    def of(cls, look: QueueLook) -> QueueView:
        return cls(
            waiting=look.waiting,
            active=look.active,
            admitted=look.turnout.admitted,
            rejected=look.turnout.rejected,
            available=look.available,
        )


class SaleSummary(Body):
    id: str
    name: str
    sku: str
    price: MoneyView
    state: SaleState
    window: WindowView
    per_customer_limit: int
    stock: CountersView

    @classmethod
    def of(cls, sale: Sale) -> SaleSummary:
        terms = sale.terms
        return cls(
            id=sale.id,
            name=terms.name,
            sku=terms.sku,
            price=MoneyView.of(terms.unit_price),
            state=sale.state,
            window=WindowView.of(terms),
            per_customer_limit=terms.per_customer_limit,
            stock=CountersView.of(sale.counters),
        )


class SaleList(Body):
    """Newest first."""

    items: list[SaleSummary]


class SaleView(SaleSummary):
    queue: QueueView

    @classmethod
    def with_queue(cls, sale: Sale, look: QueueLook) -> SaleView:
        return cls(**dict(SaleSummary.of(sale)), queue=QueueView.of(look))


class QueuePositionView(Body):
    """Where a shopper stands. ``etaSeconds`` is null while nobody can say; ask again after ``pollAfterSeconds``."""

    state: str
    position: int
    eta_seconds: int | None
    poll_after_seconds: float
    reason: str

    @classmethod
    def of(cls, place: QueuePosition) -> QueuePositionView:
        return cls(
            state=place.standing,
            position=place.position,
            eta_seconds=eta_seconds(place),
            poll_after_seconds=poll_after_seconds(place),
            reason=place.reason,
        )


class JoinedView(QueuePositionView):
    ticket: str

    @classmethod
    def with_ticket(cls, joined: Joined) -> JoinedView:
        return cls(**dict(QueuePositionView.of(joined.place)), ticket=joined.ticket)


class HeldView(Body):
    hold_id: str
    order_id: str
    sale_id: str
    sku: str
    quantity: int
    total: MoneyView
    pay_before: str

    @classmethod
    def of(cls, sale_id: str, held: Held) -> HeldView:
        hold = held.hold
        return cls(
            hold_id=hold.id,
            order_id=hold.order_id,
            sale_id=sale_id,
            sku=hold.lines[0].sku,
            quantity=hold.units,
            total=MoneyView.of(held.total),
            pay_before=iso(hold.expires_at),
        )


class HoldView(Body):
    """A hold with all that an order is made of."""

    sale_id: str
    hold_id: str
    order_id: str
    customer_id: str
    sku: str
    quantity: int
    unit_price: MoneyView
    pay_before: str
    state: str

    @classmethod
    def of(cls, hold: Reservation, sale: Sale) -> HoldView:
        return cls(
            sale_id=sale.id,
            hold_id=hold.id,
            order_id=hold.order_id,
            customer_id=hold.customer_id,
            sku=sale.terms.sku,
            quantity=hold.units,
            unit_price=MoneyView.of(sale.terms.unit_price),
            pay_before=iso(hold.expires_at),
            state=hold.state,
        )
