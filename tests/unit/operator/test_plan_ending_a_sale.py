"""plan.py by table: what is observed while a sale drains, is over or is deleted, and the one action that follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from amazonlite_operator.flash_sale.actions import DeleteJob, DeleteSale, RestoreFloors, Settle
from amazonlite_operator.flash_sale.observation import SaleObservation
from amazonlite_operator.kind.actions import RemoveFinalizer, WriteEvidence
from amazonlite_operator.kind.job import JobObservation
from amazonlite_operator.kind.status import Evidence
from support.fake_observations import (
    AFTER,
    BALANCED,
    DURING,
    FLOOR,
    MISMATCH,
    OUTCOME,
    SETTLEMENT,
    P,
    next_action,
    observed,
    sale,
    shape,
    spec,
    status,
)

TABLE: list[tuple[str, SaleObservation, object]] = [
    ("draining, held", observed(P.DRAINING, AFTER, sale=sale("DRAINING", held=2)), ("Wait", "HoldsOutstanding")),
    (
        "draining, long overdue",
        observed(P.DRAINING, AFTER, sale=replace(sale("DRAINING", held=2), oldest_overdue_seconds=301)),
        ("Stalled", "HoldsOverdue"),
    ),
    ("draining, free", observed(P.DRAINING, AFTER, sale=sale("DRAINING")), Settle),
    (
        "draining, aborted late",
        observed(P.DRAINING, AFTER, sale=sale("DRAINING"), spec=spec(abort=True)),
        ("SetState", "ABORTED"),
    ),
    (
        "draining, never allocated: no late allocation may take stock",
        observed(P.DRAINING, AFTER, status=status(P.DRAINING, allocated=False)),
        DeleteSale,
    ),
    ("draining, the sale is lost", observed(P.DRAINING, AFTER), ("Stalled", "SaleLost")),
    (
        "draining, replicas still raised",
        observed(P.DRAINING, AFTER, status=status(P.DRAINING, settlement=SETTLEMENT, floors=[FLOOR])),
        RestoreFloors,
    ),
    (
        "draining, no books",
        observed(P.DRAINING, AFTER + timedelta(days=1), status=status(P.DRAINING, settlement=SETTLEMENT)),
        ("Wait", "AwaitingBooks"),
    ),
    (
        "draining, books differ, early",
        observed(P.DRAINING, AFTER, status=status(P.DRAINING, settlement=SETTLEMENT), books=MISMATCH),
        ("Wait", "AwaitingBooks"),
    ),
    (
        "draining, books differ, late",
        observed(P.DRAINING, AFTER + timedelta(61), status=status(P.DRAINING, settlement=SETTLEMENT), books=MISMATCH),
        ("Record", P.DRAINING, "Scheduled"),
    ),
    (
        "draining, books differ, late, inventory away",
        observed(
            P.DRAINING,
            AFTER + timedelta(61),
            status=status(P.DRAINING, settlement=SETTLEMENT),
            books=MISMATCH,
            inventory_up=False,
        ),
        ("Wait", "AwaitingBooks"),
    ),
    (
        "draining, balanced",
        observed(P.DRAINING, AFTER, status=status(P.DRAINING, settlement=SETTLEMENT), books=BALANCED),
        ("Record", P.DRAINING, "Scheduled"),
    ),
    (
        "draining, no evidence",
        observed(P.DRAINING, AFTER, status=status(P.DRAINING, settlement=SETTLEMENT, outcome=OUTCOME)),
        WriteEvidence,
    ),
    (
        "draining, all done",
        observed(
            P.DRAINING,
            AFTER,
            status=status(
                P.DRAINING, settlement=SETTLEMENT, outcome=OUTCOME, evidence=Evidence(config_map="c", sha256="d")
            ),
        ),
        ("Record", P.SETTLED, "SaleSettled"),
    ),
    ("settled", observed(P.SETTLED, AFTER, sale=sale("SETTLED", free=0, sold=4)), RemoveFinalizer),
    ("failed, units still free", observed(P.FAILED, AFTER, sale=sale("ABORTED", free=4)), DeleteSale),
    ("over, inventory away", observed(P.SETTLED, AFTER, inventory_up=False), ("Wait", "Scheduled")),
    ("settled, let go", observed(P.SETTLED, AFTER, has_finalizer=False), ("Wait", "Scheduled")),
    ("deleting, live", observed(P.LIVE, DURING, deleting=True, sale=sale("LIVE")), DeleteSale),
    (
        "deleting, its rehearsal's Job",
        observed(P.REHEARSING, DURING, deleting=True, rehearsal_job=JobObservation(finished=False)),
        DeleteJob,
    ),
    (
        "deleting, its rehearsal's shadow",
        observed(P.REHEARSING, DURING, deleting=True, rehearsal_sale=sale("LIVE")),
        DeleteSale,
    ),
    (
        "deleting, replicas raised, inventory away",
        observed(P.LIVE, DURING, deleting=True, status=status(P.LIVE, floors=[FLOOR]), inventory_up=False),
        RestoreFloors,
    ),
    (
        "deleting, inventory away",
        observed(P.LIVE, DURING, deleting=True, inventory_up=False),
        ("Wait", "InventoryUnavailable"),
    ),
    (
        "deleting, units still held: it was cut off",
        observed(P.LIVE, DURING, deleting=True, sale=sale("ABORTED", free=0, held=1)),
        DeleteSale,
    ),
    (
        "deleting, units free again",
        observed(P.LIVE, DURING, deleting=True, sale=sale("ABORTED", free=1)),
        DeleteSale,
    ),
    (
        "deleting, all given back",
        observed(P.LIVE, DURING, deleting=True, sale=sale("ABORTED", free=0)),
        RemoveFinalizer,
    ),
    ("deleting, never known", observed(P.LIVE, DURING, deleting=True), DeleteSale),
    ("deleting, let go", observed(P.LIVE, DURING, deleting=True, has_finalizer=False), ("Wait", "Deleting")),
]


@pytest.mark.parametrize(("seen", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_is_seen_leads_to(seen: SaleObservation, expected: object) -> None:
    assert shape(next_action(seen)) == expected
