"""The moves every phase makes: one phase further, and inventory's sale into the state that goes with it."""

from __future__ import annotations

from amazonlite_operator.flash_sale.actions import Action, DeleteSale, Record, SetState, StopClaims, Wait
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
        return inventory_away(o)
    if o.sale is None:
        return lost() if o.status.allocated else None
    if o.sale.state in (state, "ABORTED", "SETTLED"):
        return None
    return SetState(state, f"state-{o.status.transitions}-{state}")


def stop_claims(o: Observed, then: Record | Wait) -> Action:
    """An abort waits for nothing that cannot be observed: not for the resource, and not for inventory's sale."""
    if not o.inventory_up and (o.status.allocated or o.invalid is not None):
        return StopClaims(then)
    if o.invalid is not None:
        ended = o.sale is None or o.sale.state in ("ABORTED", "SETTLED")
        return then if ended else SetState("ABORTED", "abort")
    return enter(o, "ABORTED") or then


def clear_sale(o: Observed) -> Action | None:
    """None only once inventory says that it holds nothing of the sale; until then its deletion is repeated.

    Of a sale that inventory does not know the deletion leaves a tombstone: an allocation still under way must not take
    stock that nobody would return. It stops half-way while payments do not say which holds are paid.
    """
    if not o.inventory_up:
        return inventory_away(o)
    return None if o.sale is not None and o.sale.over else DeleteSale()


def inventory_away(o: Observed) -> Wait:
    if o.inventory_refusal:
        return shop_refuses(o.inventory_refusal)
    return Wait(SOON, Reason.INVENTORY_UNAVAILABLE)


def shop_refuses(refusal: str) -> Wait:
    return Wait(STALLED_FOR, Reason.SHOP_REFUSES, f"{refusal} {Reason.SHOP_REFUSES.explanation}", stalled=True)


def cluster_refuses(refusal: str, seconds: float = STALLED_FOR) -> Wait:
    message = f"{refusal} {Reason.CLUSTER_REFUSES.explanation}"
    return Wait(min(seconds, STALLED_FOR), Reason.CLUSTER_REFUSES, message, stalled=True)


def lost() -> Wait:
    return Wait(STALLED_FOR, Reason.SALE_LOST, stalled=True)
