"""Observations of a sale made up for its plan: a phase, a moment, and what is seen then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from amazonlite.common.core.clock import iso
from amazonlite_operator.flash_sale.actions import Action, SetState
from amazonlite_operator.flash_sale.kind import FLASH_SALE
from amazonlite_operator.flash_sale.observation import SaleObservation
from amazonlite_operator.flash_sale.phases import Phase
from amazonlite_operator.flash_sale.spec import FlashSaleSpec
from amazonlite_operator.flash_sale.status import (
    FlashSaleStatus,
    RehearsalResult,
    SaleOutcome,
    Settlement,
    Slo,
    Throttle,
    Verdict,
)
from amazonlite_operator.kind.actions import Record, Wait
from amazonlite_operator.kind.deployments import Replicas
from amazonlite_operator.kind.observation import Resource
from amazonlite_operator.kind.replica_floors import ReplicaFloor
from amazonlite_operator.kind.status import Transition
from amazonlite_operator.kube.controller import Key
from amazonlite_operator.shop.books import Books
from amazonlite_operator.shop.inventory import SaleView, Stock

START = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
BEFORE_LEAD, LEAD, DOORS, DURING, AFTER = (START + timedelta(seconds=s) for s in (-120, -50, -15, 30, 700))
P = Phase
TARGETS = {"leadTime": "60s", "targets": [{"deployment": "inventory", "replicas": 3}]}
FLOOR = ReplicaFloor(deployment="inventory", original=2, raised=3)
READY, SHORT = {"inventory": Replicas(3, 3)}, {"inventory": Replicas(3, 2)}
SLO = {"p95": "500ms", "successRate": 0.99, "window": "20s"}
FAILING = Slo(p95_ms=900, success_rate=0.9, samples=100, verdict=Verdict.FAIL)
PASSING = Slo(p95_ms=100, success_rate=1.0, samples=100, verdict=Verdict.PASS)


def spec(**fields: Any) -> FlashSaleSpec:
    return FlashSaleSpec.model_validate(
        {
            "sku": "S",
            "quantity": 10,
            "price": {"amount": 5, "currency": "EUR"},
            "window": {"start": iso(START), "end": iso(START + timedelta(minutes=10))},
            "admission": {"preQueue": "20s", "ratePerSecond": 40, "maxActive": 100},
            "settleTimeout": "60s",
            **fields,
        }
    )


def sale(state: str, *, free: int = 10, held: int = 0, sold: int = 0) -> SaleView:
    return SaleView("fs_1", state, Stock(allocated=free + held + sold, free=free, held=held, sold=sold))


def given(rate: int, at: datetime = START, asked: int = 40) -> Throttle:
    return Throttle(max_active=100, rate_per_second=rate, asked_rate=asked, changed_at=at, sequence=1)


def status(phase: Phase, **fields: Any) -> FlashSaleStatus:
    defaults: dict[str, Any] = {
        "allocated": True,
        "admission": given(40),
        "timeline": [Transition[Phase](phase=phase, at=START, reason="Scheduled")],
    }
    return FlashSaleStatus(phase=phase).changed(**{**defaults, **fields})


def observed(phase: Phase, now: datetime, **fields: Any) -> SaleObservation:
    metadata = {"uid": "u-1", "generation": 1} | ({"deletionTimestamp": "now"} if fields.pop("deleting", False) else {})
    asked = fields.pop("spec", spec())
    resource = Resource(
        manifest={"metadata": metadata, "spec": {"abort": asked.abort}},
        key=Key("ns", "sale"),
        stored_spec=asked,
        status=fields.pop("status", status(phase)),
        invalid=None,
        has_finalizer=fields.pop("has_finalizer", True),
    )
    return SaleObservation(now=now, resource=resource, **fields)


next_action = FLASH_SALE.decisions.next_action


def shape(action: Action) -> object:
    """An action as a table can hold it."""
    match action:
        case Record(new):
            return "Record", new.phase, new.timeline[-1].reason
        case Wait(_, reason, _, stalled):
            return "Stalled" if stalled else "Wait", str(reason)
        case SetState(state, _, rehearsal):
            return "Rehearsal" if rehearsal else "SetState", state
        case _:
            return type(action)


SETTLEMENT = Settlement(at=AFTER, stock=Stock(sold=4, allocated=4, returned=6))
BALANCED = Books(units_ordered=4, amount_paid=20)
MISMATCH = Books(units_ordered=3, amount_paid=20)
OUTCOME = SaleOutcome(at=AFTER, phase=P.SETTLED, reason="SaleSettled", message="")
REHEARSAL = {"customers": 10, "ratePerSecond": 10}
UNDER_WAY = RehearsalResult(started_at=BEFORE_LEAD, deadline=DOORS)
REHEARSED = UNDER_WAY.model_copy(update={"reason": "RehearsalPassed"})
PREWARMED = {"spec": spec(prewarm=TARGETS), "deployments": READY}
BREACH = {"sale": sale("LIVE"), "slo": FAILING}
