"""What kstatus, which Flux and kpt wait by, makes of a custom resource."""

from __future__ import annotations

from typing import Any


def kstatus(resource: dict[str, Any]) -> str:
    """Terminating, InProgress, Failed or Current: pkg/kstatus/status of cli-utils, for kinds that it does not know."""
    metadata, status = resource["metadata"], resource.get("status", {})
    if metadata.get("deletionTimestamp"):
        return "Terminating"
    if status.get("observedGeneration", metadata["generation"]) != metadata["generation"]:
        return "InProgress"
    for condition in status.get("conditions", ()):
        if condition["status"] == "True" and condition["type"] in ("Reconciling", "Stalled"):
            return "InProgress" if condition["type"] == "Reconciling" else "Failed"
    ready = next((c["status"] for c in status.get("conditions", ()) if c["type"] == "Ready"), "True")
    return "Current" if ready == "True" else "InProgress"
