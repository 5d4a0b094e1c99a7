"""A sale never sells more than it was allocated: ``allocated = free + held + sold`` at every observation.

``free`` can be claimed, ``held`` is claimed and unpaid, ``sold`` is paid, ``returned`` went back to general stock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from amazonlite.common.core.money import Money
from amazonlite.inventory.flash_sale.errors import (
    IllegalSaleTransition,
)
from amazonlite.inventory.reservations.domain import ReservationState
from amazonlite.inventory.stock.domain import EntryKind, balance


class SaleState(StrEnum):
    SCHEDULED = "SCHEDULED"
    QUEUEING = "QUEUEING"
    LIVE = "LIVE"
    PAUSED = "PAUSED"
    DRAINING = "DRAINING"
    SETTLED = "SETTLED"
    ABORTED = "ABORTED"


TRANSITIONS: Mapping[SaleState, frozenset[SaleState]] = {
    SaleState.SCHEDULED: frozenset({SaleState.QUEUEING, SaleState.LIVE, SaleState.DRAINING, SaleState.ABORTED}),
    SaleState.QUEUEING: frozenset({SaleState.LIVE, SaleState.PAUSED, SaleState.DRAINING, SaleState.ABORTED}),
    SaleState.LIVE: frozenset({SaleState.PAUSED, SaleState.DRAINING, SaleState.ABORTED}),
    SaleState.PAUSED: frozenset({SaleState.QUEUEING, SaleState.LIVE, SaleState.DRAINING, SaleState.ABORTED}),
    SaleState.DRAINING: frozenset({SaleState.SETTLED, SaleState.ABORTED}),
    SaleState.SETTLED: frozenset(),
    SaleState.ABORTED: frozenset(),
}
QUEUE_OPEN = frozenset({SaleState.QUEUEING, SaleState.LIVE, SaleState.PAUSED})
CLOSED = frozenset({SaleState.SETTLED, SaleState.ABORTED})


class AdmissionOrder(StrEnum):
    """Fifo: by arrival. Random: those who came before the start by lot, everybody later by arrival."""

    FIFO = "Fifo"
    RANDOM = "Random"


@dataclass(frozen=True, slots=True)
class Admission:
    """At most ``max_active`` shoppers may claim at a time, let in at ``rate_per_second``."""

    max_active: int
    rate_per_second: float
    order: AdmissionOrder = AdmissionOrder.FIFO


@dataclass(frozen=True, slots=True)
class Counters:
    allocated: int = 0
    free: int = 0
    held: int = 0
    sold: int = 0
    returned: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """What a sale promises; fixed once its stock is allocated."""

    name: str
    sku: str
    quantity: int
    unit_price: Money
    starts_at: datetime
    ends_at: datetime
    per_customer_limit: int
    hold_ttl: timedelta
    pre_queue: timedelta = timedelta(0)
    rehearsal: bool = False

    @property
    def queue_opens_at(self) -> datetime:
        return self.starts_at - self.pre_queue


@dataclass(frozen=True, slots=True)
class Sale:
    """``version`` grows with every change of state or admission; ``fence`` is the highest the operator has shown."""

    id: str
    terms: Terms
    admission: Admission
    counters: Counters
    state: SaleState
    version: int
    fence: int
    fingerprint: str
    last_step: str = ""
    settled: bool = False

    def closed_reason(self, now: datetime) -> str:
        """Why nothing will ever be claimable again; "" while something may."""
        if self.state is SaleState.ABORTED:
            return "aborted"
        if self.counters.sold == self.counters.allocated > 0:
            return "sold_out"
        over = self.state in {SaleState.DRAINING, SaleState.SETTLED} or now >= self.terms.ends_at
        return "ended" if over else ""

    def open_at(self, now: datetime) -> bool:
        return self.state is SaleState.LIVE and self.terms.starts_at <= now < self.terms.ends_at


@dataclass(frozen=True, slots=True)
class SaleAudit:
    """A sale, its holds and its ledger as of one moment; ``units`` counts the holds' units by state."""

    sale: Sale
    now: datetime
    units: Mapping[ReservationState, int]
    ledger: Mapping[EntryKind, int]
    oldest_overdue: datetime | None

    @property
    def conserved(self) -> bool:
        """The counters, the holds and the ledger tell the same story, and it adds up."""
        c, told = self.sale.counters, balance(self.ledger)
        by_ledger = Counters(told.allocated, told.free, told.held, told.sold, told.returned)
        by_holds = self.units.get(ReservationState.HELD, 0), self.units.get(ReservationState.CONFIRMED, 0)
        whole = c.allocated == c.free + c.held + c.sold and c.allocated + c.returned == self.sale.terms.quantity
        return whole and c == by_ledger and (c.held, c.sold) == by_holds

    @property
    def oversold(self) -> int:
        """Units held or sold, by the holds themselves, beyond what the sale has."""
        out = self.units.get(ReservationState.HELD, 0) + self.units.get(ReservationState.CONFIRMED, 0)
        return max(0, out - self.sale.counters.allocated)

    @property
    def overdue_seconds(self) -> float:
        """For how long the oldest unpaid hold has been past its time."""
        return (self.now - self.oldest_overdue).total_seconds() if self.oldest_overdue is not None else 0.0


def next_state(sale: Sale, wanted: SaleState) -> SaleState:
    """The same state again is no change; anything the table doesn't have raises."""
    if wanted is not sale.state and wanted not in TRANSITIONS[sale.state]:
        raise IllegalSaleTransition(sale.state, wanted)
    return wanted
