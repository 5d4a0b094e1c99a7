"""What the flash-sale API takes and answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from amazonlite.common.core.clock import iso
from amazonlite.common.core.money import Money
from amazonlite.inventory.flash_sale.domain import (
    Admission,
    AdmissionOrder,
    Books,
    Counters,
    Held,
    Sale,
    SaleState,
    Terms,
)
from amazonlite.inventory.flash_sale.queue import Joined, eta_seconds, poll_after_seconds
from amazonlite.inventory.flash_sale.queue_store import Place
from amazonlite.inventory.flash_sale.read import QueueLook
from amazonlite.inventory.schemas import MOST_UNITS, Body, Sku

DAY = 24 * 3600


class MoneyBody(Body):
    """``amount`` in minor units."""

    amount: int = Field(ge=0)
    currency: str = Field(pattern=r"^[A-Z]{3}$")

    @classmethod
    def of(cls, money: Money) -> MoneyBody:
        return cls(amount=money.amount, currency=money.currency)


class WindowBody(Body):
    start: AwareDatetime
    end: AwareDatetime

    @model_validator(mode="after")
    def forwards(self) -> Self:
        if self.end <= self.start:
            raise ValueError("the window ends before it starts")
        return self


class AdmissionBody(Body):
    max_active: int = Field(ge=1, le=1_000_000)
    rate_per_second: float = Field(gt=0, le=1_000_000)
    order: AdmissionOrder = AdmissionOrder.FIFO
    pre_queue_seconds: int = Field(default=0, ge=0, le=DAY)


class AllocateSale(Body):
    name: str = Field(min_length=1, max_length=128)
    sku: Sku
    quantity: int = Field(ge=1, le=MOST_UNITS)
    unit_price: MoneyBody
    window: WindowBody
    per_customer_limit: int = Field(ge=1, le=1_000_000)
    hold_ttl_seconds: int = Field(ge=1, le=7 * DAY)
    admission: AdmissionBody
    rehearsal: bool = False

    def terms(self) -> Terms:
        return Terms(
            name=self.name,
            sku=self.sku,
            quantity=self.quantity,
            unit_price=Money(self.unit_price.amount, self.unit_price.currency),
            starts_at=self.window.start,
            ends_at=self.window.end,
            per_customer_limit=self.per_customer_limit,
            hold_ttl=timedelta(seconds=self.hold_ttl_seconds),
            pre_queue=timedelta(seconds=self.admission.pre_queue_seconds),
            rehearsal=self.rehearsal,
        )

    def how(self) -> Admission:
        return Admission(self.admission.max_active, self.admission.rate_per_second, self.admission.order)


class ChangeState(Body):
    """SCHEDULED is where a sale begins and SETTLED what settling makes of it; neither can be asked for."""

    state: SaleState

    @model_validator(mode="after")
    def can_be_asked_for(self) -> Self:
        if self.state in {SaleState.SCHEDULED, SaleState.SETTLED}:
            raise ValueError(f"{self.state} cannot be asked for")
        return self


class ChangeAdmission(Body):
    max_active: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    rate_per_second: Annotated[float, Field(gt=0, le=1_000_000)] | None = None


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
    price: MoneyBody
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
            price=MoneyBody.of(terms.unit_price),
            state=sale.state,
            window=WindowView.of(terms),
            per_customer_limit=terms.per_customer_limit,
            stock=CountersView.of(sale.counters),
        )


class SaleView(SaleSummary):
    queue: QueueView

    @classmethod
    def with_queue(cls, sale: Sale, look: QueueLook) -> SaleView:
        return cls(**dict(SaleSummary.of(sale)), queue=QueueView.of(look))


class BooksView(Body):
    """A sale as the operator watches it. ``ledger`` and ``holds`` are units by kind of entry and by state."""

    id: str
    sku: str
    state: SaleState
    settled: bool
    stock: CountersView
    oversold: int
    conserved: bool
    oldest_overdue_hold_seconds: float
    holds: dict[str, int]
    ledger: dict[str, int]
    fence: int
    last_step: str
    queue: QueueView

    @classmethod
    def of(cls, books: Books, look: QueueLook) -> BooksView:
        sale = books.sale
        return cls(
            id=sale.id,
            sku=sale.terms.sku,
            state=sale.state,
            settled=sale.settled,
            stock=CountersView.of(sale.counters),
            oversold=books.oversold,
            conserved=books.conserved,
            oldest_overdue_hold_seconds=books.overdue_seconds,
            holds={state.value: units for state, units in books.units.items()},
            ledger={kind.value: units for kind, units in books.ledger.items()},
            fence=sale.fence,
            last_step=sale.last_step,
            queue=QueueView.of(look),
        )


class PlaceView(Body):
    """Where a shopper stands. ``etaSeconds`` is null while nobody can say; ask again after ``pollAfterSeconds``."""

    state: str
    position: int
    eta_seconds: int | None
    poll_after_seconds: float
    reason: str

    @classmethod
    def of(cls, place: Place) -> PlaceView:
        return cls(
            state=place.standing,
            position=place.position,
            eta_seconds=eta_seconds(place),
            poll_after_seconds=poll_after_seconds(place),
            reason=place.reason,
        )


class JoinedView(PlaceView):
    ticket: str

    @classmethod
    def with_ticket(cls, joined: Joined) -> JoinedView:
        return cls(**dict(PlaceView.of(joined.place)), ticket=joined.ticket)


class HeldView(Body):
    hold_id: str
    order_id: str
    sale_id: str
    sku: str
    quantity: int
    total: MoneyBody
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
            total=MoneyBody.of(held.total),
            pay_before=iso(hold.expires_at),
        )
