"""plan.py by table: what is observed while a sale is live or paused, and the one action that follows."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from amazonlite_operator.flash_sale.actions import SetAdmission
from amazonlite_operator.flash_sale.observation import SaleObservation
from amazonlite_operator.flash_sale.status import Slo
from support.fake_observations import (
    AFTER,
    BREACH,
    DURING,
    FAILING,
    PASSING,
    SLO,
    START,
    P,
    given,
    next_action,
    observed,
    sale,
    shape,
    spec,
    status,
)

TABLE: list[tuple[str, SaleObservation, object]] = [
    ("live", observed(P.LIVE, DURING, sale=sale("LIVE", free=6, sold=4)), ("Wait", "SaleOpen")),
    ("live, inventory away", observed(P.LIVE, DURING, inventory_up=False), ("Wait", "InventoryUnavailable")),
    ("live, the sale is lost", observed(P.LIVE, DURING), ("Stalled", "SaleLost")),
    ("live, paused", observed(P.LIVE, DURING, sale=sale("LIVE"), spec=spec(paused=True)), ("SetState", "PAUSED")),
    (
        "live, was paused",
        observed(P.LIVE, DURING, sale=sale("PAUSED"), spec=spec(paused=True)),
        ("Record", P.PAUSED, "PausedBySpec"),
    ),
    ("live, woken after a kill", observed(P.LIVE, DURING, sale=sale("PAUSED")), ("SetState", "LIVE")),
    ("live, end of the window", observed(P.LIVE, AFTER, sale=sale("LIVE")), ("SetState", "DRAINING")),
    ("live, ended", observed(P.LIVE, AFTER, sale=sale("DRAINING")), ("Record", P.DRAINING, "WindowEnded")),
    ("live, all held", observed(P.LIVE, DURING, sale=sale("LIVE", free=0, held=10)), ("Wait", "SoldOut")),
    ("live, sold out", observed(P.LIVE, DURING, sale=sale("LIVE", free=0, sold=10)), ("SetState", "DRAINING")),
    (
        "paused, sold out",
        observed(P.PAUSED, DURING, sale=sale("DRAINING", free=0, sold=10)),
        ("Record", P.DRAINING, "SoldOut"),
    ),
    ("live, aborted", observed(P.LIVE, DURING, sale=sale("LIVE"), spec=spec(abort=True)), ("SetState", "ABORTED")),
    (
        "live, was aborted",
        observed(P.LIVE, DURING, sale=sale("ABORTED"), spec=spec(abort=True)),
        ("Record", P.DRAINING, "AbortRequested"),
    ),
    ("breach, throttle", observed(P.LIVE, DURING, spec=spec(slo=SLO), **BREACH), SetAdmission),
    (
        "breach, throttled a moment ago",
        observed(P.LIVE, DURING, status=status(P.LIVE, admission=given(20, DURING)), spec=spec(slo=SLO), **BREACH),
        ("Wait", "Throttled"),
    ),
    (
        "breach, pause",
        observed(P.LIVE, DURING, spec=spec(slo=SLO, onBreach="Pause"), **BREACH),
        ("Record", P.LIVE, "Scheduled"),
    ),
    (
        "breach, pause is written down",
        observed(P.LIVE, DURING, status=status(P.LIVE, paused_until=AFTER), sale=sale("LIVE")),
        ("SetState", "PAUSED"),
    ),
    (
        "breach, paused",
        observed(P.PAUSED, DURING, status=status(P.PAUSED, paused_until=DURING + timedelta(5)), sale=sale("PAUSED")),
        ("Wait", "PausedByBreach"),
    ),
    (
        "breach, pause is over",
        observed(P.PAUSED, DURING, status=status(P.PAUSED, paused_until=START), sale=sale("LIVE")),
        ("Record", P.LIVE, "Resumed"),
    ),
    (
        "breach, abort is written down first",
        observed(P.LIVE, DURING, spec=spec(slo=SLO, onBreach="Abort"), **BREACH),
        ("Record", P.LIVE, "Scheduled"),
    ),
    (
        "breach, abort",
        observed(P.LIVE, DURING, status=status(P.LIVE, abort_reason="AbortedByBreach"), sale=sale("LIVE")),
        ("SetState", "ABORTED"),
    ),
    (
        "paused by spec",
        observed(P.PAUSED, DURING, sale=sale("PAUSED"), spec=spec(paused=True)),
        ("Wait", "PausedBySpec"),
    ),
    ("paused, going on", observed(P.PAUSED, DURING, sale=sale("PAUSED")), ("SetState", "LIVE")),
]


@pytest.mark.parametrize(("seen", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_is_seen_leads_to(seen: SaleObservation, expected: object) -> None:
    assert shape(next_action(seen)) == expected


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
    seen = observed(
        P.LIVE,
        DURING,
        spec=spec(slo=SLO),
        status=status(P.LIVE, admission=given(rate, changed, asked)),
        sale=sale("LIVE"),
        slo=slo,
    )
    action = next_action(seen)
    assert (action.rate_per_second if isinstance(action, SetAdmission) else rate) == expected
