"""Claims on a sale are served first come first served: never more units than are free, nor than a customer may have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from amazonlite.common.core.errors import DomainError
from amazonlite.common.core.ids import IdSource, derive_id
from amazonlite.common.core.money import Money
from amazonlite.inventory.flash_sale.domain import Sale
from amazonlite.inventory.flash_sale.errors import ClaimKeyReused, CustomerLimitReached, SaleNotOpen, SoldOut
from amazonlite.inventory.reservations.domain import Line, Reservation, ReservationState


@dataclass(frozen=True, slots=True)
class Claim:
    """One shopper's wish for ``quantity`` units. ``key`` is the Idempotency-Key: the same again is the same claim.

    ``arrival`` is the number on the shopper's ticket.
    """

    sale_id: str
    customer_id: str
    key: str
    quantity: int
    arrival: int = 0
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
    deps = _ClaimDependencies(sale, now, holds, ids)
    return [deps.serve(claim) for claim in claims]


class _ClaimDependencies:
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
