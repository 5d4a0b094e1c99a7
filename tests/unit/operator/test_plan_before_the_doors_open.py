"""plan.py by table: what is observed until the doors open, and the one action that follows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from amazonlite_operator.flash_sale.actions import (
    AddFinalizer,
    Allocate,
    DeleteJob,
    DeleteSale,
    RaiseFloor,
    RememberFloors,
    StartJob,
)
from amazonlite_operator.flash_sale.observed import JobView, Observed, Replicas
from amazonlite_operator.flash_sale.plan import next_action
from support.fake_looks import (
    AFTER,
    BEFORE_LEAD,
    DOORS,
    DURING,
    FLOOR,
    LEAD,
    PREWARMED,
    REHEARSAL,
    REHEARSED,
    SHORT,
    TARGETS,
    UNDER_WAY,
    P,
    look,
    sale,
    shape,
    spec,
    status,
)

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
        "over before allocation: no late one may take stock",
        look(P.PENDING, AFTER, status=status(P.PENDING, allocated=False)),
        DeleteSale,
    ),
    (
        "over, set aside without a word of it in the status",
        look(P.PENDING, AFTER, status=status(P.PENDING, allocated=False), sale=sale("SCHEDULED")),
        DeleteSale,
    ),
    (
        "over before allocation, inventory away",
        look(P.PENDING, AFTER, status=status(P.PENDING, allocated=False), inventory_up=False),
        ("Wait", "InventoryUnavailable"),
    ),
    (
        "over before allocation, nothing is held",
        look(P.PENDING, AFTER, status=status(P.PENDING, allocated=False), sale=sale("ABORTED", free=0)),
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
            spec=spec(rehearsal=REHEARSAL),
        ),
        ("Rehearsal", "LIVE"),
    ),
    (
        "rehearsal: no customers yet",
        look(
            P.REHEARSING,
            BEFORE_LEAD,
            status=status(P.REHEARSING, rehearsal=UNDER_WAY),
            rehearsal_sale=sale("LIVE"),
            spec=spec(rehearsal=REHEARSAL),
        ),
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
            spec=spec(rehearsal=REHEARSAL),
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
            P.REHEARSING,
            BEFORE_LEAD,
            status=status(P.REHEARSING, rehearsal=REHEARSED),
            rehearsal_sale=sale("ABORTED", free=0),
        ),
        ("Wait", "Scheduled"),
    ),
    (
        "rehearsal: over, a late allocation of its shadow is still possible",
        look(P.REHEARSING, DOORS, status=status(P.REHEARSING, rehearsal=REHEARSED)),
        DeleteSale,
    ),
    (
        "rehearsal: over, lead time",
        look(
            P.REHEARSING,
            DOORS,
            status=status(P.REHEARSING, rehearsal=REHEARSED),
            rehearsal_sale=sale("ABORTED", free=0),
        ),
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
]


@pytest.mark.parametrize(("seen", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_is_seen_leads_to(seen: Observed, expected: object) -> None:
    assert shape(next_action(seen)) == expected
