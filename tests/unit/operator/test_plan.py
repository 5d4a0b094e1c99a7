"""plan.py by table: what is observed in a phase, and the one action that follows."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from amazonlite.common.core.clock import iso
from amazonlite_operator.flash_sale.actions import (
    Action,
    AddFinalizer,
    Allocate,
    DeleteJob,
    DeleteSale,
    RaiseFloor,
    Record,
    RememberFloors,
    RemoveFinalizer,
    RestoreFloors,
    SetAdmission,
    SetState,
    Settle,
    StartJob,
    Wait,
    WriteEvidence,
)
from amazonlite_operator.flash_sale.observed import JobView, Observed, Replicas
from amazonlite_operator.flash_sale.phases import TERMINAL, TRANSITIONS, Phase
from amazonlite_operator.flash_sale.plan import next_action
from amazonlite_operator.flash_sale.spec import FlashSaleSpec
from amazonlite_operator.flash_sale.state import (
    Books,
    Evidence,
    FlashSaleStatus,
    Floor,
    Outcome,
    RehearsalResult,
    Settlement,
    Slo,
    Step,
    Stock,
    Throttle,
    Verdict,
)
from amazonlite_operator.shop.inventory import SaleView

START = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
BEFORE_LEAD, LEAD, DOORS, DURING, AFTER = (START + timedelta(seconds=s) for s in (-120, -50, -15, 30, 700))
P = Phase
TARGETS = {"leadTime": "60s", "targets": [{"deployment": "inventory", "replicas": 3}]}
FLOOR = Floor(deployment="inventory", original=2, raised=3)
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
        "timeline": [Step(phase=phase, at=START, reason="Scheduled")],
    }
    return FlashSaleStatus(phase=phase).changed(**{**defaults, **fields})


def look(phase: Phase, now: datetime, **fields: Any) -> Observed:
    return Observed(
        now=now,
        uid="u-1",
        name="sale",
        namespace="ns",
        generation=1,
        deleting=fields.pop("deleting", False),
        has_finalizer=fields.pop("has_finalizer", True),
        spec=fields.pop("spec", spec()),
        status=fields.pop("status", status(phase)),
        **fields,
    )


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
OUTCOME = Outcome(at=AFTER, phase=P.SETTLED, reason="SaleSettled", message="")
REHEARSAL = {"customers": 10, "ratePerSecond": 10}
UNDER_WAY = RehearsalResult(started_at=BEFORE_LEAD, deadline=DOORS)
REHEARSED = UNDER_WAY.model_copy(update={"reason": "RehearsalPassed"})
PREWARMED = {"spec": spec(prewarm=TARGETS), "deployments": READY}
BREACH = {"sale": sale("LIVE"), "slo": FAILING}

TABLE: list[tuple[str, Observed, object]] = [
    ("no finalizer yet", look(P.PENDING, BEFORE_LEAD, has_finalizer=False), AddFinalizer),
    ("nothing set aside", look(P.PENDING, BEFORE_LEAD, status=status(P.PENDING, allocated=False)), Allocate),
    (
        "nothing set aside, inventory away",
        look(P.PENDING, BEFORE_LEAD, status=status(P.PENDING, allocated=False), inventory_up=False),
        ("Wait", "InventoryUnavailable"),
    ),
    ("waiting for lead time", look(P.PENDING, BEFORE_LEAD, sale=sale("SCHEDULED")), ("Wait", "Scheduled")),
    (
        "a target is missing",
        look(P.PENDING, BEFORE_LEAD, sale=sale("SCHEDULED"), spec=spec(prewarm=TARGETS)),
        ("Stalled", "DeploymentNotFound"),
    ),
    (
        "a rehearsal is asked for",
        look(P.PENDING, BEFORE_LEAD, sale=sale("SCHEDULED"), spec=spec(rehearsal=REHEARSAL)),
        ("Record", P.REHEARSING, "Rehearsing"),
    ),
    (
        "no time to rehearse",
        look(P.PENDING, LEAD + timedelta(seconds=20), sale=sale("SCHEDULED"), spec=spec(rehearsal=REHEARSAL)),
        ("Record", P.PENDING, "Scheduled"),
    ),
    (
        "lead time has come",
        look(P.PENDING, LEAD, sale=sale("SCHEDULED"), **PREWARMED),
        ("Record", P.PREWARMING, "RaisingReplicas"),
    ),
    (
        "over before allocation",
        look(P.PENDING, AFTER, status=status(P.PENDING, allocated=False)),
        ("Record", P.FAILED, "WindowMissed"),
    ),
    (
        "rehearsal: no shadow yet",
        look(
            P.REHEARSING, BEFORE_LEAD, status=status(P.REHEARSING, rehearsal=UNDER_WAY), spec=spec(rehearsal=REHEARSAL)
        ),
        Allocate,
    ),
    (
        "rehearsal: not open yet",
        look(
            P.REHEARSING,
            BEFORE_LEAD,
            status=status(P.REHEARSING, rehearsal=UNDER_WAY),
            rehearsal_sale=sale("SCHEDULED"),
        ),
        ("Rehearsal", "LIVE"),
    ),
    (
        "rehearsal: no customers yet",
        look(P.REHEARSING, BEFORE_LEAD, status=status(P.REHEARSING, rehearsal=UNDER_WAY), rehearsal_sale=sale("LIVE")),
        StartJob,
    ),
    (
        "rehearsal: under way",
        look(
            P.REHEARSING,
            BEFORE_LEAD,
            status=status(P.REHEARSING, rehearsal=UNDER_WAY),
            rehearsal_sale=sale("LIVE"),
            rehearsal_job=JobView(finished=False),
        ),
        ("Wait", "Rehearsing"),
    ),
    (
        "rehearsal: over, its Job is left",
        look(
            P.REHEARSING,
            BEFORE_LEAD,
            status=status(P.REHEARSING, rehearsal=REHEARSED),
            rehearsal_sale=sale("LIVE"),
            rehearsal_job=JobView(finished=True),
        ),
        DeleteJob,
    ),
    (
        "rehearsal: over, its shadow is left",
        look(P.REHEARSING, BEFORE_LEAD, status=status(P.REHEARSING, rehearsal=REHEARSED), rehearsal_sale=sale("LIVE")),
        DeleteSale,
    ),
    (
        "rehearsal: over, early",
        look(
            P.REHEARSING, BEFORE_LEAD, status=status(P.REHEARSING, rehearsal=REHEARSED), rehearsal_sale=sale("ABORTED")
        ),
        ("Wait", "Scheduled"),
    ),
    (
        "rehearsal: over, lead time",
        look(P.REHEARSING, DOORS, status=status(P.REHEARSING, rehearsal=REHEARSED)),
        ("Record", P.PREWARMING, "RaisingReplicas"),
    ),
    ("floors not remembered", look(P.PREWARMING, LEAD, sale=sale("SCHEDULED"), **PREWARMED), RememberFloors),
    (
        "floors not raised",
        look(
            P.PREWARMING,
            LEAD,
            status=status(P.PREWARMING, floors=[FLOOR]),
            spec=spec(prewarm=TARGETS),
            deployments={"inventory": Replicas(2, 2)},
        ),
        RaiseFloor,
    ),
    (
        "raised, not ready",
        look(
            P.PREWARMING,
            DOORS,
            status=status(P.PREWARMING, floors=[FLOOR]),
            spec=spec(prewarm=TARGETS),
            deployments=SHORT,
        ),
        ("Wait", "RaisingReplicas"),
    ),
    (
        "ready, too early for the queue",
        look(P.PREWARMING, LEAD, status=status(P.PREWARMING, floors=[FLOOR]), **PREWARMED),
        ("Wait", "WaitingForQueue"),
    ),
    (
        "ready, the queue's time",
        look(P.PREWARMING, DOORS, status=status(P.PREWARMING, floors=[FLOOR]), sale=sale("SCHEDULED"), **PREWARMED),
        ("SetState", "QUEUEING"),
    ),
    ("the queue is open", look(P.PREWARMING, DOORS, sale=sale("QUEUEING")), ("Record", P.QUEUEING, "QueueOpen")),
    ("queueing, too early", look(P.QUEUEING, DOORS, sale=sale("QUEUEING")), ("Wait", "QueueOpen")),
    ("queueing, start", look(P.QUEUEING, DURING, sale=sale("QUEUEING")), ("SetState", "LIVE")),
    ("queueing, opened", look(P.QUEUEING, DURING, sale=sale("LIVE")), ("Record", P.LIVE, "SaleOpen")),
    (
        "queueing, start, a pod was lost",
        look(
            P.QUEUEING,
            DURING,
            status=status(P.QUEUEING, floors=[FLOOR]),
            spec=spec(prewarm=TARGETS),
            deployments=SHORT,
            sale=sale("QUEUEING"),
        ),
        ("Wait", "RaisingReplicas"),
    ),
    (
        "queueing, paused",
        look(P.QUEUEING, DURING, sale=sale("QUEUEING"), spec=spec(paused=True)),
        ("Wait", "PausedBySpec"),
    ),
    ("live", look(P.LIVE, DURING, sale=sale("LIVE", free=6, sold=4)), ("Wait", "SaleOpen")),
    ("live, inventory away", look(P.LIVE, DURING, inventory_up=False), ("Wait", "InventoryUnavailable")),
    ("live, the sale is lost", look(P.LIVE, DURING), ("Stalled", "SaleLost")),
    ("live, paused", look(P.LIVE, DURING, sale=sale("LIVE"), spec=spec(paused=True)), ("SetState", "PAUSED")),
    (
        "live, was paused",
        look(P.LIVE, DURING, sale=sale("PAUSED"), spec=spec(paused=True)),
        ("Record", P.PAUSED, "PausedBySpec"),
    ),
    ("live, woken after a kill", look(P.LIVE, DURING, sale=sale("PAUSED")), ("SetState", "LIVE")),
    ("live, end of the window", look(P.LIVE, AFTER, sale=sale("LIVE")), ("SetState", "DRAINING")),
    ("live, ended", look(P.LIVE, AFTER, sale=sale("DRAINING")), ("Record", P.DRAINING, "WindowEnded")),
    ("live, all held", look(P.LIVE, DURING, sale=sale("LIVE", free=0, held=10)), ("Wait", "SaleOpen")),
    ("live, sold out", look(P.LIVE, DURING, sale=sale("LIVE", free=0, sold=10)), ("SetState", "DRAINING")),
    (
        "paused, sold out",
        look(P.PAUSED, DURING, sale=sale("DRAINING", free=0, sold=10)),
        ("Record", P.DRAINING, "SoldOut"),
    ),
    ("live, aborted", look(P.LIVE, DURING, sale=sale("LIVE"), spec=spec(abort=True)), ("SetState", "ABORTED")),
    (
        "live, was aborted",
        look(P.LIVE, DURING, sale=sale("ABORTED"), spec=spec(abort=True)),
        ("Record", P.DRAINING, "AbortRequested"),
    ),
    ("breach, throttle", look(P.LIVE, DURING, spec=spec(slo=SLO), **BREACH), SetAdmission),
    (
        "breach, throttled a moment ago",
        look(P.LIVE, DURING, status=status(P.LIVE, admission=given(20, DURING)), spec=spec(slo=SLO), **BREACH),
        ("Wait", "Throttled"),
    ),
    (
        "breach, pause",
        look(P.LIVE, DURING, spec=spec(slo=SLO, onBreach="Pause"), **BREACH),
        ("Record", P.LIVE, "Scheduled"),
    ),
    (
        "breach, pause is written down",
        look(P.LIVE, DURING, status=status(P.LIVE, paused_until=AFTER), sale=sale("LIVE")),
        ("SetState", "PAUSED"),
    ),
    (
        "breach, paused",
        look(P.PAUSED, DURING, status=status(P.PAUSED, paused_until=DURING + timedelta(5)), sale=sale("PAUSED")),
        ("Wait", "PausedByBreach"),
    ),
    (
        "breach, pause is over",
        look(P.PAUSED, DURING, status=status(P.PAUSED, paused_until=START), sale=sale("LIVE")),
        ("Record", P.LIVE, "Resumed"),
    ),
    (
        "breach, abort is written down first",
        look(P.LIVE, DURING, spec=spec(slo=SLO, onBreach="Abort"), **BREACH),
        ("Record", P.LIVE, "Scheduled"),
    ),
    (
        "breach, abort",
        look(P.LIVE, DURING, status=status(P.LIVE, abort_reason="AbortedByBreach"), sale=sale("LIVE")),
        ("SetState", "ABORTED"),
    ),
    ("paused by spec", look(P.PAUSED, DURING, sale=sale("PAUSED"), spec=spec(paused=True)), ("Wait", "PausedBySpec")),
    ("paused, going on", look(P.PAUSED, DURING, sale=sale("PAUSED")), ("SetState", "LIVE")),
    ("draining, held", look(P.DRAINING, AFTER, sale=sale("DRAINING", held=2)), ("Wait", "HoldsOutstanding")),
    (
        "draining, long overdue",
        look(P.DRAINING, AFTER, sale=replace(sale("DRAINING", held=2), oldest_overdue_seconds=301)),
        ("Stalled", "HoldsOverdue"),
    ),
    ("draining, free", look(P.DRAINING, AFTER, sale=sale("DRAINING")), Settle),
    (
        "draining, aborted late",
        look(P.DRAINING, AFTER, sale=sale("DRAINING"), spec=spec(abort=True)),
        ("SetState", "ABORTED"),
    ),
    (
        "draining, never allocated",
        look(P.DRAINING, AFTER, status=status(P.DRAINING, allocated=False)),
        ("Record", P.DRAINING, "Scheduled"),
    ),
    ("draining, the sale is lost", look(P.DRAINING, AFTER), ("Stalled", "SaleLost")),
    (
        "draining, replicas still raised",
        look(P.DRAINING, AFTER, status=status(P.DRAINING, settlement=SETTLEMENT, floors=[FLOOR])),
        RestoreFloors,
    ),
    (
        "draining, no books",
        look(P.DRAINING, AFTER + timedelta(days=1), status=status(P.DRAINING, settlement=SETTLEMENT)),
        ("Wait", "AwaitingBooks"),
    ),
    (
        "draining, books differ, early",
        look(P.DRAINING, AFTER, status=status(P.DRAINING, settlement=SETTLEMENT), books=MISMATCH),
        ("Wait", "AwaitingBooks"),
    ),
    (
        "draining, books differ, late",
        look(P.DRAINING, AFTER + timedelta(61), status=status(P.DRAINING, settlement=SETTLEMENT), books=MISMATCH),
        ("Record", P.DRAINING, "Scheduled"),
    ),
    (
        "draining, balanced",
        look(P.DRAINING, AFTER, status=status(P.DRAINING, settlement=SETTLEMENT), books=BALANCED),
        ("Record", P.DRAINING, "Scheduled"),
    ),
    (
        "draining, no evidence",
        look(P.DRAINING, AFTER, status=status(P.DRAINING, settlement=SETTLEMENT, outcome=OUTCOME)),
        WriteEvidence,
    ),
    (
        "draining, all done",
        look(
            P.DRAINING,
            AFTER,
            status=status(
                P.DRAINING, settlement=SETTLEMENT, outcome=OUTCOME, evidence=Evidence(config_map="c", sha256="d")
            ),
        ),
        ("Record", P.SETTLED, "SaleSettled"),
    ),
    ("settled", look(P.SETTLED, AFTER), RemoveFinalizer),
    ("settled, let go", look(P.SETTLED, AFTER, has_finalizer=False), ("Wait", "Scheduled")),
    ("deleting, live", look(P.LIVE, DURING, deleting=True, sale=sale("LIVE")), DeleteSale),
    (
        "deleting, its rehearsal's Job",
        look(P.REHEARSING, DURING, deleting=True, rehearsal_job=JobView(finished=False)),
        DeleteJob,
    ),
    (
        "deleting, its rehearsal's shadow",
        look(P.REHEARSING, DURING, deleting=True, rehearsal_sale=sale("LIVE")),
        DeleteSale,
    ),
    (
        "deleting, replicas raised, inventory away",
        look(P.LIVE, DURING, deleting=True, status=status(P.LIVE, floors=[FLOOR]), inventory_up=False),
        RestoreFloors,
    ),
    (
        "deleting, inventory away",
        look(P.LIVE, DURING, deleting=True, inventory_up=False),
        ("Wait", "InventoryUnavailable"),
    ),
    (
        "deleting, units still held: it was cut off",
        look(P.LIVE, DURING, deleting=True, sale=sale("ABORTED", free=0, held=1)),
        DeleteSale,
    ),
    ("deleting, units free again", look(P.LIVE, DURING, deleting=True, sale=sale("ABORTED", free=1)), DeleteSale),
    ("deleting, all given back", look(P.LIVE, DURING, deleting=True, sale=sale("ABORTED", free=0)), RemoveFinalizer),
    ("deleting, never known", look(P.LIVE, DURING, deleting=True), RemoveFinalizer),
    ("deleting, let go", look(P.LIVE, DURING, deleting=True, has_finalizer=False), ("Wait", "Deleting")),
]


@pytest.mark.parametrize(("seen", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_is_seen_leads_to(seen: Observed, expected: object) -> None:
    assert shape(next_action(seen)) == expected


STATES = ("SCHEDULED", "QUEUEING", "LIVE", "PAUSED", "DRAINING", "ABORTED", "SETTLED")
MOMENTS = (BEFORE_LEAD, LEAD, DOORS, DURING, AFTER)


@cache
def every_look() -> list[Observed]:
    """Every phase at every moment with every state of inventory's sale, deleted or not, with and without wishes."""
    looks = []
    sales = [None, *(sale(state) for state in STATES), sale("LIVE", free=0, sold=10), sale("ABORTED", free=0)]
    wishes = [spec(), spec(paused=True), spec(abort=True), spec(slo=SLO, onBreach="Pause")]
    for phase, now, view, wish, deleting, up in itertools.product(
        Phase, MOMENTS, sales, wishes, (False, True), (False, True)
    ):
        known = view if up else None
        looks.append(look(phase, now, sale=known, spec=wish, deleting=deleting, slo=FAILING, inventory_up=up))
    return looks


def test_every_look_has_an_action_that_keeps_to_the_transition_table() -> None:
    for seen in every_look():
        action = next_action(seen)  # raises IllegalTransition otherwise
        if isinstance(action, Record) and action.status.phase is not seen.status.phase:
            assert action.status.phase in TRANSITIONS[seen.status.phase]


def test_the_same_look_gives_the_same_action() -> None:
    for seen in every_look()[::7]:
        assert next_action(seen) == next_action(seen)


def test_nothing_is_planned_for_inventory_while_it_is_away() -> None:
    to_inventory = (Allocate, SetState, SetAdmission, Settle, DeleteSale)
    assert not any(isinstance(next_action(seen), to_inventory) for seen in every_look() if not seen.inventory_up)


def test_a_sale_that_ended_is_never_opened_again() -> None:
    for seen in every_look():
        action = next_action(seen)
        if seen.sale is not None and seen.sale.state in ("ABORTED", "SETTLED"):
            assert not isinstance(action, SetState), (seen.status.phase, action)


def test_after_abort_claims_stop_before_anything_else_happens() -> None:
    for phase in set(Phase) - TERMINAL - {P.DRAINING}:
        seen = look(phase, DURING, spec=spec(abort=True), sale=sale("LIVE"))
        assert shape(next_action(seen)) == ("SetState", "ABORTED")


def test_the_finalizer_goes_last_and_only_when_nothing_is_held() -> None:
    for seen in every_look():
        if seen.deleting and isinstance(next_action(seen), RemoveFinalizer):
            assert seen.inventory_up
            assert seen.sale is None or seen.sale.over


@pytest.mark.parametrize(
    ("rate", "asked", "slo", "changed", "expected"),
    [
        (40, 40, FAILING, START, 20),
        (1, 40, FAILING, START, 1),
        (20, 40, FAILING, DURING, 20),
        (20, 40, PASSING, START, 24),
        (38, 40, PASSING, START, 40),
        (20, 40, Slo(), START, 24),
        (20, 80, FAILING, DURING, 40),
    ],
)
def test_admission_is_halved_on_a_breach_and_given_back_slowly(
    rate: int, asked: int, slo: Slo, changed: datetime, expected: int
) -> None:
    seen = look(
        P.LIVE,
        DURING,
        spec=spec(slo=SLO),
        status=status(P.LIVE, admission=given(rate, changed, asked)),
        sale=sale("LIVE"),
        slo=slo,
    )
    action = next_action(seen)
    assert (action.rate_per_second if isinstance(action, SetAdmission) else rate) == expected
