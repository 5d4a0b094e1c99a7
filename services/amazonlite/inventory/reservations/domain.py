"""A reservation keeps units for one order until it ends, once and for good, by the table of what may follow what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from amazonlite.common.core.errors import Conflict, NotFound
from amazonlite.inventory.stock.domain import Entry, EntryKind


@dataclass(frozen=True, slots=True)
class Line:
    sku: str
    quantity: int


class ReservationState(StrEnum):
    HELD = "HELD"
    CONFIRMED = "CONFIRMED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"


class Ending(StrEnum):
    """How a reservation ends. A held one is confirmed, released or expired, whichever comes first; one that was
    confirmed is taken back when its order is cancelled after all."""

    CONFIRM = "CONFIRM"
    RELEASE = "RELEASE"
    EXPIRE = "EXPIRE"
    TAKE_BACK = "TAKE_BACK"


TRANSITIONS: Mapping[tuple[ReservationState, Ending], ReservationState] = {
    (ReservationState.HELD, Ending.CONFIRM): ReservationState.CONFIRMED,
    (ReservationState.HELD, Ending.RELEASE): ReservationState.RELEASED,
    (ReservationState.HELD, Ending.EXPIRE): ReservationState.EXPIRED,
    (ReservationState.CONFIRMED, Ending.TAKE_BACK): ReservationState.RELEASED,
}


@dataclass(frozen=True, slots=True)
class Reservation:
    """Units kept for one order. With a ``sale_id`` it is a hold on that sale's units. Without lines it is a tombstone:
    the order was ended before its reservation came."""

    id: str
    order_id: str
    state: ReservationState
    expires_at: datetime
    lines: tuple[Line, ...] = ()
    customer_id: str = ""
    sale_id: str | None = None
    claim_key: str | None = None

    @property
    def units(self) -> int:
        return sum(line.quantity for line in self.lines)


_ORDINARY: Mapping[Ending, EntryKind] = {
    Ending.CONFIRM: EntryKind.CONFIRM,
    Ending.RELEASE: EntryKind.RELEASE,
    Ending.EXPIRE: EntryKind.RELEASE,
    Ending.TAKE_BACK: EntryKind.RESTOCK,
}


def ending_kind(ending: Ending, *, of_sale: bool, sale_keeps: bool) -> EntryKind:
    """What ending a reservation does to the counters; ``sale_keeps``: the sale takes units back to resell."""
    if not of_sale:
        return _ORDINARY[ending]
    if ending is Ending.CONFIRM:
        return EntryKind.SELL
    if ending is Ending.TAKE_BACK:
        return EntryKind.UNSELL if sale_keeps else EntryKind.RETURN_SOLD
    return EntryKind.UNHOLD if sale_keeps else EntryKind.RETURN_HELD


def entries_for(reservation: Reservation, kind: EntryKind) -> list[Entry]:
    return [
        Entry(f"{reservation.id}:{line.sku}:{kind}", kind, line.sku, line.quantity, reservation.sale_id)
        for line in reservation.lines
    ]


class ReservationNotFound(NotFound):
    """No reservation was ever made for this order."""

    code: ClassVar[str] = "reservation_not_found"
    title: ClassVar[str] = "Reservation not found"

    def __init__(self, order_id: str) -> None:
        super().__init__(f"There is no reservation for {order_id}.")


class ReservationAlreadyDecided(Conflict):
    """The reservation ended otherwise first; that end is final."""

    code: ClassVar[str] = "reservation_already_decided"
    title: ClassVar[str] = "Reservation already decided"

    def __init__(self, state: ReservationState) -> None:
        super().__init__(f"The reservation is {state}.", state=state.value)
        self.state = state
