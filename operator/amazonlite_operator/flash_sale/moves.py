"""The moves every phase makes: inventory's sale into the state that goes with it, and out of the way at the end."""

from __future__ import annotations

from amazonlite_operator.flash_sale.actions import Action, DeleteSale, SetState, StopClaims
from amazonlite_operator.flash_sale.observation import SaleObservation
from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.flash_sale.status import FlashSaleStatus
from amazonlite_operator.kind.actions import Record, Wait
from amazonlite_operator.kind.moves import SOON, STALLED_FOR, shop_refuses


def enter(o: SaleObservation, state: str) -> Action | None:
    """Put inventory's sale into the state, or None when it is there. An ended sale is never woken up."""
    if not o.inventory_up:
        return inventory_away(o)
    if o.sale is None:
        return Wait(STALLED_FOR, Reason.SALE_LOST, stalled=True) if o.status.allocated else None
    if o.sale.state in (state, "ABORTED", "SETTLED"):
        return None
    return SetState(state, f"state-{o.status.transitions}-{state}")


def stop_claims(o: SaleObservation, then: Record[FlashSaleStatus] | Wait) -> Action:
    """An abort waits for nothing that cannot be observed: not for the resource, and not for inventory's sale."""
    if not o.inventory_up and (o.status.allocated or o.invalid is not None):
        return StopClaims(then)
    if o.invalid is not None:
        ended = o.sale is None or o.sale.closed
        return then if ended else SetState("ABORTED", "abort")
    return enter(o, "ABORTED") or then


def clear_sale(o: SaleObservation) -> Action | None:
    """None only once inventory says that it holds nothing of the sale; until then its deletion is repeated.

    Of a sale that inventory does not know the deletion leaves a tombstone: an allocation still under way must not take
    stock that nobody would return. It stops half-way while payments do not say which holds are paid.
    """
    if not o.inventory_up:
        return inventory_away(o)
    return None if o.sale is not None and o.sale.over else DeleteSale()


def inventory_away(o: SaleObservation) -> Wait:
    if o.inventory_refusal:
        return shop_refuses(o.inventory_refusal)
    return Wait(SOON, Reason.INVENTORY_UNAVAILABLE)
