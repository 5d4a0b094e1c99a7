"""plan.py by table: what is observed until the doors open, and the one action that follows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from amazonlite_operator.flash_sale.actions import Allocate, DeleteJob, DeleteSale, RaiseFloor, RememberFloors, StartJob
from amazonlite_operator.flash_sale.observation import SaleObservation
from amazonlite_operator.kind.actions import AddFinalizer
from amazonlite_operator.kind.deployments import Replicas
from amazonlite_operator.kind.job import JobObservation
from support.fake_observations import (
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
    next_action,
    observed,
    sale,
    shape,
    spec,
    status,
)

TABLE: list[tuple[str, SaleObservation, object]] = [
    ("no finalizer yet", observed(P.PENDING, BEFORE_LEAD, has_finalizer=False), AddFinalizer),
    ("nothing set aside", observed(P.PENDING, BEFORE_LEAD, status=status(P.PENDING, allocated=False)), Allocate),
    (
        "nothing set aside, inventory away",
        observed(P.PENDING, BEFORE_LEAD, status=status(P.PENDING, allocated=False), inventory_up=False),
        ("Wait", "InventoryUnavailable"),
    ),
    ("waiting for lead time", observed(P.PENDING, BEFORE_LEAD, sale=sale("SCHEDULED")), ("Wait", "Scheduled")),
    (
        "a target is missing",
        observed(P.PENDING, BEFORE_LEAD, sale=sale("SCHEDULED"), spec=spec(prewarm=TARGETS)),
        ("Stalled", "DeploymentNotFound"),
    ),
    (
        "a rehearsal is asked for",
        observed(P.PENDING, BEFORE_LEAD, sale=sale("SCHEDULED"), spec=spec(rehearsal=REHEARSAL)),
        ("Record", P.REHEARSING, "Rehearsing"),
    ),
    (
        "no time to rehearse",
        observed(P.PENDING, LEAD + timedelta(seconds=20), sale=sale("SCHEDULED"), spec=spec(rehearsal=REHEARSAL)),
        ("Record", P.PENDING, "Scheduled"),
    ),
    (
        "lead time has come",
        observed(P.PENDING, LEAD, sale=sale("SCHEDULED"), **PREWARMED),
        ("Record", P.PREWARMING, "RaisingReplicas"),
    ),
    (
        "over before allocation: no late one may take stock",
        observed(P.PENDING, AFTER, status=status(P.PENDING, allocated=False)),
        DeleteSale,
    ),
    (
        "over, set aside without a word of it in the status",
        observed(P.PENDING, AFTER, status=status(P.PENDING, allocated=False), sale=sale("SCHEDULED")),
        DeleteSale,
    ),
    (
        "over before allocation, inventory away",
        observed(P.PENDING, AFTER, status=status(P.PENDING, allocated=False), inventory_up=False),
        ("Wait", "InventoryUnavailable"),
    ),
    (
        "over before allocation, nothing is held",
        observed(P.PENDING, AFTER, status=status(P.PENDING, allocated=False), sale=sale("ABORTED", free=0)),
        ("Record", P.FAILED, "WindowMissed"),
    ),
    (
        "rehearsal: no shadow yet",
        observed(
            P.REHEARSING, BEFORE_LEAD, status=status(P.REHEARSING, rehearsal=UNDER_WAY), spec=spec(rehearsal=REHEARSAL)
        ),
        Allocate,
    ),
    (
        "rehearsal: not open yet",
        observed(
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
        observed(
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
        observed(
            P.REHEARSING,
            BEFORE_LEAD,
            status=status(P.REHEARSING, rehearsal=UNDER_WAY),
            rehearsal_sale=sale("LIVE"),
            rehearsal_job=JobObservation(finished=False),
            spec=spec(rehearsal=REHEARSAL),
        ),
        ("Wait", "Rehearsing"),
    ),
    (
        "rehearsal: over, its Job is left",
        observed(
            P.REHEARSING,
            BEFORE_LEAD,
            status=status(P.REHEARSING, rehearsal=REHEARSED),
            rehearsal_sale=sale("LIVE"),
            rehearsal_job=JobObservation(finished=True),
        ),
        DeleteJob,
    ),
    (
        "rehearsal: over, its shadow is left",
        observed(
            P.REHEARSING, BEFORE_LEAD, status=status(P.REHEARSING, rehearsal=REHEARSED), rehearsal_sale=sale("LIVE")
        ),
        DeleteSale,
    ),
    (
        "rehearsal: over, early",
        observed(
            P.REHEARSING,
            BEFORE_LEAD,
            status=status(P.REHEARSING, rehearsal=REHEARSED),
            rehearsal_sale=sale("ABORTED", free=0),
        ),
        ("Wait", "Scheduled"),
    ),
    (
        "rehearsal: over, a late allocation of its shadow is still possible",
        observed(P.REHEARSING, DOORS, status=status(P.REHEARSING, rehearsal=REHEARSED)),
        DeleteSale,
    ),
    (
        "rehearsal: over, lead time",
        observed(
            P.REHEARSING,
            DOORS,
            status=status(P.REHEARSING, rehearsal=REHEARSED),
            rehearsal_sale=sale("ABORTED", free=0),
        ),
        ("Record", P.PREWARMING, "RaisingReplicas"),
    ),
    ("floors not remembered", observed(P.PREWARMING, LEAD, sale=sale("SCHEDULED"), **PREWARMED), RememberFloors),
    (
        "floors not raised",
        observed(
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
        observed(
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
        observed(P.PREWARMING, LEAD, status=status(P.PREWARMING, floors=[FLOOR]), **PREWARMED),
        ("Wait", "WaitingForQueue"),
    ),
    (
        "ready, the queue's time",
        observed(P.PREWARMING, DOORS, status=status(P.PREWARMING, floors=[FLOOR]), sale=sale("SCHEDULED"), **PREWARMED),
        ("SetState", "QUEUEING"),
    ),
    ("the queue is open", observed(P.PREWARMING, DOORS, sale=sale("QUEUEING")), ("Record", P.QUEUEING, "QueueOpen")),
    ("queueing, too early", observed(P.QUEUEING, DOORS, sale=sale("QUEUEING")), ("Wait", "QueueOpen")),
    ("queueing, start", observed(P.QUEUEING, DURING, sale=sale("QUEUEING")), ("SetState", "LIVE")),
    ("queueing, opened", observed(P.QUEUEING, DURING, sale=sale("LIVE")), ("Record", P.LIVE, "SaleOpen")),
    (
        "queueing, start, a pod was lost",
        observed(
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
        observed(P.QUEUEING, DURING, sale=sale("QUEUEING"), spec=spec(paused=True)),
        ("Wait", "PausedBySpec"),
    ),
]


@pytest.mark.parametrize(("seen", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_is_seen_leads_to(seen: SaleObservation, expected: object) -> None:
    assert shape(next_action(seen)) == expected
