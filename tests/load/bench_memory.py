"""Resident memory of the first process of every pod of the platform, as it is after whatever ran before."""

from __future__ import annotations

from typing import Any

from kubernetes import client
from kubernetes.stream import stream

from amazonlite_cli.deploy.services import SERVICES
from amazonlite_cli.kube import connect
from amazonlite_cli.paths import NAMESPACE

WANTED_MIB = 100


def resident_mib(core: client.CoreV1Api, pod: str) -> float:
    """VmRSS of the pod's first process, in MiB. Source: proc(5), /proc/[pid]/status."""
    shown = stream(
        core.connect_get_namespaced_pod_exec,
        pod,
        NAMESPACE,
        command=["sh", "-c", "cat /proc/1/status"],
        stdout=True,
        stderr=True,
    )
    line = next(line for line in str(shown).splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


async def run() -> list[dict[str, Any]]:
    """One row a pod; services are wanted at or below 100 MiB, the others are shown only."""
    core = client.CoreV1Api(connect())
    selector = "app.kubernetes.io/part-of=amazonlite"
    rows: list[dict[str, Any]] = []
    for pod in core.list_namespaced_pod(NAMESPACE, label_selector=selector).items:
        if pod.status is None or pod.status.phase != "Running" or pod.metadata is None:
            continue
        rows.append(_row(str(pod.metadata.name), resident_mib(core, str(pod.metadata.name))))
    return sorted(rows, key=lambda row: str(row["job"]))


def _row(pod: str, mib: float) -> dict[str, Any]:
    is_service = pod.rsplit("-", 2)[0] in SERVICES.keys() - {"operator"}
    return {
        "job": f"memory {pod.rsplit('-', 2)[0] if is_service else pod}",
        "unit": "MiB RSS",
        "ours": mib,
        "other": float(WANTED_MIB),
        "otherName": "the limit wanted of a service" if is_service else "the same, not wanted here",
        "ratio": mib / WANTED_MIB,
        "wanted": 1.0 if is_service else None,
        "holds": mib <= WANTED_MIB,
    }
