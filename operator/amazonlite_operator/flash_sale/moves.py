"""The moves every phase makes: one phase further, and inventory's sale into the state that goes with it."""

from __future__ import annotations

from amazonlite_operator.flash_sale.actions import Action, DeleteSale, Record, SetState, Wait
from amazonlite_operator.flash_sale.observed import Observed
from amazonlite_operator.flash_sale.phases import Phase, check_transition
from amazonlite_operator.flash_sale.reasons import Reason

SOON, STALLED_FOR = 1.0, 10.0


def advance(o: Observed, phase: Phase, reason: Reason, message: str = "", **fields: object) -> Record:
    check_transition(o.status.phase, phase)
    return Record(o.status.changed(**fields).advanced(phase, o.now, reason, message or reason.explanation))


def enter(o: Observed, state: str) -> Action | None:
    """Put inventory's sale into the state, or None when it is there. An ended sale is never woken up."""
    if not o.inventory_up:
        return Wait(SOON, Reason.INVENTORY_UNAVAILABLE)
    if o.sale is None:
        return lost() if o.status.allocated else None
    if o.sale.state in (state, "ABORTED", "SETTLED"):
        return None
    return SetState(state, f"state-{o.status.transitions}-{state}")


def clear_sale(o: Observed) -> Action | None:
    """None only once inventory says that it holds nothing of the sale; until then its deletion is repeated.

    Of a sale that inventory does not know the deletion leaves a tombstone: an allocation still under way must not take
    stock that nobody would return. It stops half-way while payments do not say which holds are paid.
    """
    if not o.inventory_up:
        return Wait(SOON, Reason.INVENTORY_UNAVAILABLE)
    return None if o.sale is not None and o.sale.over else DeleteSale()


def lost() -> Wait:
    return Wait(STALLED_FOR, Reason.SALE_LOST, stalled=True)
