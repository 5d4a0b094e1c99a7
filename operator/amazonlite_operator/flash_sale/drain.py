"""The end of a sale: nothing held, the rest back in stock, replicas back, books compared, evidence written."""

from __future__ import annotations

from amazonlite_operator.flash_sale import rehearsal, settle
from amazonlite_operator.flash_sale.actions import Action, DeleteSale, RestoreFloors, Settle
from amazonlite_operator.flash_sale.moves import enter
from amazonlite_operator.flash_sale.observation import SaleObservation
from amazonlite_operator.flash_sale.phases import Phase
from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.flash_sale.status import SaleOutcome, Settlement
from amazonlite_operator.kind.actions import Record, Wait
from amazonlite_operator.kind.moves import SOON, conclude, shop_refuses

OVERDUE_AFTER = 300.0


def draining(o: SaleObservation) -> Action:
    if o.status.settlement is None:
        return _drain(o)
    if o.status.floors:
        return RestoreFloors()
    if o.status.outcome is None:
        return _decide(o, o.status.settlement)
    return conclude(o, Reason)


def _drain(o: SaleObservation) -> Action:
    if (step := rehearsal.clean_up(o)) is not None:
        return step
    if (step := enter(o, "ABORTED" if o.status.aborting or o.spec.abort else "DRAINING")) is not None:
        return step
    if o.sale is None:  # aborted before it was allocated
        return DeleteSale()
    if o.sale.stock.held:
        overdue = o.sale.oldest_overdue_seconds > OVERDUE_AFTER
        reason = Reason.HOLDS_OVERDUE if overdue else Reason.HOLDS_OUTSTANDING
        return Wait(SOON, reason, f"{o.sale.stock.held} units are held", stalled=overdue)
    return Settle()


def _decide(o: SaleObservation, settlement: Settlement) -> Action:
    settlement = settle.latest(settlement, o.sale)
    decision = settle.decide(o.spec, settlement, o.books)
    aborted = o.status.aborting or o.spec.abort
    if decision.balanced:
        phase, reason = (Phase.ABORTED, _why_aborted(o)) if aborted else (Phase.SETTLED, Reason.SETTLED)
    elif not decision.final and (not _all_answer(o) or o.now < settlement.at + o.spec.settle_timeout):
        if o.books_refusal:
            return shop_refuses(o.books_refusal)
        silent = "" if o.inventory_up else "inventory does not answer; "
        return Wait(SOON, Reason.AWAITING_BOOKS, f"{silent}{decision.message}")
    else:
        phase, reason = Phase.FAILED, decision.reason
    outcome = SaleOutcome(at=o.now, phase=phase, reason=reason, message=decision.message, books=o.books)
    return Record(o.status.changed(settlement=settlement, outcome=outcome))


def _why_aborted(o: SaleObservation) -> Reason:
    by_breach = o.status.abort_reason == Reason.ABORTED_BY_BREACH
    return Reason.ABORTED_BY_BREACH if by_breach else Reason.SALE_ABORTED


def _all_answer(o: SaleObservation) -> bool:
    """Old numbers of one against new ones of another prove no mismatch."""
    return o.inventory_up and o.books is not None
