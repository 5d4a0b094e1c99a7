"""Deployments: how many replicas they want and have, and setting how many they want."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from amazonlite_operator.kind.ports import Cluster
from amazonlite_operator.kube.api import Manifest


@dataclass(frozen=True, slots=True)
class Replicas:
    desired: int
    ready: int


def deployment_path(namespace: str, name: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"


async def read_deployments(cluster: Cluster, namespace: str, names: Iterable[str]) -> dict[str, Replicas]:
    """Those that exist."""
    ordered = sorted(set(names))
    found = await asyncio.gather(*(cluster.get(deployment_path(namespace, name)) for name in ordered))
    return {name: _replicas(manifest) for name, manifest in zip(ordered, found, strict=True) if manifest}


async def scale(cluster: Cluster, namespace: str, deployment: str, replicas: int) -> None:
    """A Deployment that isn't there is fine; a conflict (409) when somebody else scales it at the same time."""
    path = f"{deployment_path(namespace, deployment)}/scale"
    current = await cluster.get(path)
    if current is None or current["spec"].get("replicas", 0) == replicas:
        return
    guard = {"resourceVersion": current["metadata"]["resourceVersion"]}
    await cluster.merge(path, {"metadata": guard, "spec": {"replicas": replicas}})


def _replicas(manifest: Manifest) -> Replicas:
    """Ready replicas count only once the controller has seen the latest spec: before, they are of the old one."""
    status = manifest.get("status", {})
    seen = status.get("observedGeneration", 0) >= manifest["metadata"]["generation"]
    return Replicas(manifest["spec"].get("replicas", 1), status.get("readyReplicas", 0) if seen else 0)
