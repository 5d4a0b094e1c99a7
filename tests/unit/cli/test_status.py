from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from amazonlite_cli.status import Snapshot, picture

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def workload(name: str, ready: int, desired: int) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": desired},
        "status": {"readyReplicas": ready},
    }


def sale(*, generation: int = 1, **status: Any) -> dict[str, Any]:
    created = (NOW - timedelta(minutes=5)).isoformat()
    metadata = {"name": "demo", "creationTimestamp": created, "generation": generation}
    return {"kind": "FlashSale", "metadata": metadata, "status": status}


def condition(kind: str, status: str, reason: str = "Why") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "observedGeneration": 1}


def shown(workloads: list[dict[str, Any]], resources: list[dict[str, Any]]) -> str:
    console = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(picture(Snapshot(workloads, resources, NOW)))
    return console.export_text()


def test_services_show_ready_of_desired() -> None:
    text = shown([workload("inventory", 1, 3), workload("gateway", 1, 1)], [])
    assert "1/3" in text and "waiting" in text
    assert "1/1" in text and "up" in text


def test_a_sale_shows_phase_reason_progress_and_its_own_conditions() -> None:
    conditions = [condition("Ready", "True", "SaleOpen"), condition("SLOMet", "False"), condition("Settled", "Unknown")]
    text = shown([], [sale(phase="Live", conditions=conditions, progress={"sold": 3, "total": 10})])
    for part in ("flashsale/demo", "Live", "SaleOpen", "3/10", "SLOMet✗", "Settled?", "5m"):
        assert part in text


def test_a_condition_of_an_older_spec_is_not_taken_for_this_one() -> None:
    text = shown([], [sale(generation=2, phase="Live", conditions=[condition("Ready", "True", "SaleOpen")])])
    assert "SaleOpen" not in text
    assert "not looked at yet" in text


def test_a_resource_nobody_has_looked_at_is_pending() -> None:
    assert "Pending" in shown([], [sale()])
