"""Waits for pods and says of each that will not come what the cluster knows about it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from amazonlite_cli.cluster.base import Cluster
from amazonlite_cli.paths import NAMESPACE

_WORKLOADS = "deployments,statefulsets"
_TRIES = 4  # restarts that may be a store still coming up


@dataclass(frozen=True)
class Progress:
    """Ready pods of the wanted ones, and the workloads that lack some."""

    ready: int
    wanted: int
    waiting: tuple[str, ...]


def progress_of(workloads: list[dict[str, Any]]) -> Progress:
    """A workload counts only when its newest revision is observed, whole and Ready, and no older pod is left."""
    ready = wanted = 0
    waiting = []
    for item in workloads:
        want, status = item["spec"].get("replicas", 1), item.get("status", {})
        fresh = status.get("observedGeneration", 0) >= item["metadata"]["generation"]
        updated = min(status.get("updatedReplicas", 0), status.get("readyReplicas", 0)) if fresh else 0
        wanted += want
        ready += min(updated, want)
        if updated < want or status.get("replicas", 0) != want:
            waiting.append(item["metadata"]["name"])
    return Progress(ready, wanted, tuple(sorted(waiting)))


def wait(cluster: Cluster, say: Callable[[str], None], *, selector: str, within: float) -> int:
    """Returns the count of pods once every workload of `selector` is whole.

    Raises:
        TimeoutError: some did not become ready; the message says why, as far as the cluster knows.
    """
    deadline = time.monotonic() + within
    while True:
        listing = cluster.kubectl("get", _WORKLOADS, "-n", NAMESPACE, "-l", selector, "-o", "json")
        now = progress_of(json.loads(listing)["items"])
        say(f"{now.ready}/{now.wanted} pods ready" + (f", waiting for {', '.join(now.waiting)}" if now.waiting else ""))
        if not now.waiting:
            return now.ready
        if time.monotonic() > deadline or any(_hopeless(cluster, name) for name in now.waiting):
            raise TimeoutError("\n".join(diagnosis(cluster, name) for name in now.waiting))
        time.sleep(0.5)


def _pods(cluster: Cluster, workload: str) -> list[dict[str, Any]]:
    listing = cluster.kubectl("get", "pods", "-n", NAMESPACE, "-l", f"app.kubernetes.io/name={workload}", "-o", "json")
    return list(json.loads(listing)["items"])


def _containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def _hopeless(cluster: Cluster, workload: str) -> bool:
    """Whether the newest pod has failed so often that waiting longer would only hide it."""
    pods = sorted(_pods(cluster, workload), key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
    return bool(pods) and any(container["restartCount"] > _TRIES for container in _containers(pods[-1]))


def diagnosis(cluster: Cluster, workload: str) -> str:
    """Why a workload's pods are not ready: the first complaint of its containers, and their last words."""
    pods = _pods(cluster, workload)
    complaints = [_complaint(cluster, pod) if _containers(pod) else _held_up(pod) for pod in pods]
    none = "its pods are ready, but not the ones it wants" if pods else "no pod was created"
    return f"{workload}: " + ("; ".join(complaint for complaint in complaints if complaint) or none)


def _held_up(pod: dict[str, Any]) -> str:
    """Why a pod has no container to ask: it fits nowhere yet, or was evicted."""
    status = pod.get("status", {})
    refusals = [each for each in status.get("conditions", []) if each["status"] == "False" and each.get("reason")]
    cause = status if status.get("reason") or not refusals else refusals[0]
    words = f"[{cause['message']}]" if cause.get("message") else ""
    return f"{pod['metadata']['name']} {cause.get('reason') or status.get('phase', 'Pending')} {words}".strip()


def _complaint(cluster: Cluster, pod: dict[str, Any]) -> str:
    for container in _containers(pod):
        if container.get("ready"):
            continue
        state: dict[str, Any] = next(iter(container["state"].values()), {})
        reason = state.get("reason", "not ready")
        words = _last_words(cluster, pod["metadata"]["name"], container["name"])
        return f"{pod['metadata']['name']}/{container['name']} {reason} {words}".strip()
    return ""


def _last_words(cluster: Cluster, pod: str, container: str) -> str:
    for previous in ("--previous=true", "--previous=false"):
        try:
            text = cluster.kubectl("logs", "-n", NAMESPACE, pod, "-c", container, "--tail=4", previous).strip()
        except RuntimeError:
            continue
        if text:
            return f"[{text}]"
    return ""
