"""What is decided of a FlashSale, by pure functions of an observation."""

from __future__ import annotations

from amazonlite_operator.flash_sale import plan
from amazonlite_operator.flash_sale.actions import Action, Effect
from amazonlite_operator.flash_sale.describe import describe
from amazonlite_operator.flash_sale.events import WARNINGS, events
from amazonlite_operator.flash_sale.evidence import report
from amazonlite_operator.flash_sale.moves import stop_claims
from amazonlite_operator.flash_sale.observation import SaleObservation
from amazonlite_operator.flash_sale.phases import Phase
from amazonlite_operator.flash_sale.reasons import AS_ASKED, Reason
from amazonlite_operator.flash_sale.status import FlashSaleStatus
from amazonlite_operator.kind.actions import Wait
from amazonlite_operator.kind.decisions import Decisions, Description
from amazonlite_operator.kind.evidence import Report
from amazonlite_operator.kube.events import Event


class FlashSaleDecisions(Decisions[FlashSaleStatus, SaleObservation, Effect]):
    reasons = Reason
    warnings = WARNINGS

    def plan(self, o: SaleObservation) -> Action:
        return plan.plan(o)

    def release_deleted(self, o: SaleObservation) -> Action | None:
        return plan.release_deleted(o)

    def release_over(self, o: SaleObservation) -> Action | None:
        return plan.release_over(o, self.final_reason(o.status))

    def unreadable(self, o: SaleObservation, wait: Wait) -> Action:
        return stop_claims(o, wait) if o.abort_requested else wait

    def as_asked(self, status: FlashSaleStatus, wait: Wait) -> bool:
        return wait.reason in AS_ASKED and status.phase is not Phase.DRAINING

    def failed(self, status: FlashSaleStatus) -> bool:
        by_breach = status.abort_reason == Reason.ABORTED_BY_BREACH
        return status.phase is Phase.FAILED or (status.phase is Phase.ABORTED and by_breach)

    def describe(self, o: SaleObservation, status: FlashSaleStatus, wait: Wait) -> Description[FlashSaleStatus]:
        return describe(o, status, wait)

    def events(self, o: SaleObservation, status: FlashSaleStatus) -> list[Event]:
        return events(o, status)

    def evidence(self, o: SaleObservation) -> Report:
        return report(o)
