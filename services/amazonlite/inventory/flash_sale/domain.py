"""A sale never sells more than it was allocated: ``allocated = free + held + sold`` at every observation.

``free`` can be claimed, ``held`` is claimed and unpaid, ``sold`` is paid, ``returned`` went back to general stock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from amazonlite.common.core.errors import DomainError
from amazonlite.common.core.ids import IdSource, derive_id
from amazonlite.common.core.money import Money
from amazonlite.inventory.domain import Kind, Line, Reservation, ReservationState, balance
from amazonlite.inventory.flash_sale.errors import (
    ClaimKeyReused,
    CustomerLimitReached,
    IllegalSaleTransition,
    SaleNotOpen,
    SoldOut,
)


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

    @property
    def keeps_returns(self) -> bool:
        """Whether units of an unpaid hold go back to the sale rather than to general stock."""
        return self.state not in CLOSED

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
class Books:
    """A sale, its holds and its ledger as of one moment; ``units`` counts the holds' units by state."""

    sale: Sale
    now: datetime
    units: Mapping[ReservationState, int]
    ledger: Mapping[Kind, int]
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


@dataclass(frozen=True, slots=True)
class Claim:
    """One shopper's wish for ``quantity`` units. ``key`` is the Idempotency-Key: the same again is the same claim."""

    sale_id: str
    customer_id: str
    key: str
    quantity: int
    correlation_id: str = ""
    traceparent: str = ""

    @property
    def claim_key(self) -> str:
        return derive_id("clm", self.sale_id, self.customer_id, self.key)


@dataclass(frozen=True, slots=True)
class Held:
    """The claim's hold; ``new`` says whether this claim made it or an earlier one with the same key did."""

    hold: Reservation
    unit_price: Money
    new: bool

    @property
    def total(self) -> Money:
        return self.unit_price * self.hold.units


Outcome = Held | DomainError


def decide(
    sale: Sale, now: datetime, claims: Sequence[Claim], holds: Iterable[Reservation], ids: IdSource
) -> list[Outcome]:
    """An outcome for each claim, first come first served; never more units than ``free``, nor than a customer may have.

    ``holds`` are all holds on this sale of the customers who claim. Claims under one key get one hold.
    """
    desk = _ClaimDesk(sale, now, holds, ids)
    return [desk.serve(claim) for claim in claims]


class _ClaimDesk:
    """Serves claims one after the other and remembers what it has given away."""

    def __init__(self, sale: Sale, now: datetime, holds: Iterable[Reservation], ids: IdSource) -> None:
        self._sale = sale
        self._now = now
        self._ids = ids
        self._free = sale.counters.free
        self._by_key: dict[str | None, Reservation] = {}
        self._taken: dict[str, int] = defaultdict(int)
        for hold in holds:
            self._remember(hold)

    def serve(self, claim: Claim) -> Outcome:
        claim_key = claim.claim_key
        known = self._by_key.get(claim_key)
        if known is not None:
            return replayed(self._sale, known, claim)
        refusal = self._refusal(claim)
        return refusal or self._give(claim, claim_key)

    def _refusal(self, claim: Claim) -> DomainError | None:
        terms = self._sale.terms
        if not self._sale.open_at(self._now):
            return SaleNotOpen(self._sale.state, self._sale.closed_reason(self._now))
        if self._taken[claim.customer_id] + claim.quantity > terms.per_customer_limit:
            return CustomerLimitReached(terms.per_customer_limit, self._taken[claim.customer_id])
        if claim.quantity > self._free:
            return SoldOut(self._free)
        return None

    def _give(self, claim: Claim, claim_key: str) -> Held:
        hold = Reservation(
            id=self._ids("hld"),
            order_id=self._ids("ord"),
            state=ReservationState.HELD,
            expires_at=self._now + self._sale.terms.hold_ttl,
            lines=(Line(self._sale.terms.sku, claim.quantity),),
            customer_id=claim.customer_id,
            sale_id=self._sale.id,
            claim_key=claim_key,
        )
        self._free -= claim.quantity
        self._remember(hold)
        return Held(hold, self._sale.terms.unit_price, new=True)

    def _remember(self, hold: Reservation) -> None:
        self._by_key[hold.claim_key] = hold
        if hold.state in {ReservationState.HELD, ReservationState.CONFIRMED}:
            self._taken[hold.customer_id] += hold.units


def replayed(sale: Sale, known: Reservation, claim: Claim) -> Outcome:
    """The outcome of a claim whose key has a hold already."""
    if known.units != claim.quantity:
        return ClaimKeyReused()
    return Held(known, sale.terms.unit_price, new=False)
