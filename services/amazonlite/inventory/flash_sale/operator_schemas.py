"""What the operator sends and is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from amazonlite.common.core.money import Money
from amazonlite.common.http.body import Body, MoneyView
from amazonlite.common.http.fields import Sku
from amazonlite.inventory.flash_sale.domain import Admission, AdmissionOrder, SaleAudit, SaleState, Terms
from amazonlite.inventory.flash_sale.read import QueueLook
from amazonlite.inventory.flash_sale.schemas import CountersView, QueueView
from amazonlite.inventory.schemas import MOST_UNITS

DAY = 24 * 3600


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


class Price(MoneyView):
    """Money as it is asked for, hence checked."""

    amount: int = Field(ge=0)
    currency: str = Field(pattern=r"^[A-Z]{3}$")


class AllocateSale(Body):
    name: str = Field(min_length=1, max_length=128)
    sku: Sku
    quantity: int = Field(ge=1, le=MOST_UNITS)
    unit_price: Price
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


class SaleAuditView(Body):
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
    def of(cls, books: SaleAudit, look: QueueLook) -> SaleAuditView:
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
