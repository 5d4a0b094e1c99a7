"""The shop's workloads through the API server: pods killed, rolled and waited for, stores scaled."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from kubernetes import client
from urllib3.exceptions import HTTPError

from amazonlite.common.testing.eventually import eventually
from amazonlite_cli.kube import connect
from amazonlite_cli.paths import NAMESPACE


class Cluster:
    """The shop's namespace. Every fault is real: the pod's processes are killed, not asked."""

    def __init__(self) -> None:
        api = connect()
        self._core = client.CoreV1Api(api)
        self._apps = client.AppsV1Api(api)
        self._leases = client.CoordinationV1Api(api)

    def pods(self, name: str) -> list[Any]:
        """Live pods of a workload."""
        return [pod for pod in self._all_pods(name) if not pod.metadata.deletion_timestamp]

    def _all_pods(self, name: str) -> list[Any]:
        selector = f"app.kubernetes.io/name={name}"
        found: list[Any] = self._core.list_namespaced_pod(NAMESPACE, label_selector=selector).items
        return found

    def kill(self, pod: str) -> None:
        """Kills the pod at once, without grace."""
        self._core.delete_namespaced_pod(pod, NAMESPACE, grace_period_seconds=0)

    def kill_one(self, name: str) -> str:
        """Kills one pod of a workload; its name."""
        pod = str(self.pods(name)[0].metadata.name)
        self.kill(pod)
        return pod

    def leader(self, lease: str) -> str:
        """The pod that holds the lease."""
        found: Any = self._leases.read_namespaced_lease(lease, NAMESPACE)
        return str(found.spec.holder_identity)

    async def kill_leader(self, lease: str, name: str) -> None:
        """Kills the pod of the workload that leads now; the lease may go on naming one that is dead already."""

        async def living() -> str | None:
            holder = self.leader(lease)
            return holder if holder in {pod.metadata.name for pod in self.pods(name)} else None

        self.kill(await eventually(living, within=60, every=0.1, what=f"{lease} held by a pod that lives"))

    def answers(self) -> bool:
        """Whether the API server does."""
        try:
            self._core.read_namespace(NAMESPACE, _request_timeout=2)
        except (client.ApiException, HTTPError):
            return False
        return True

    def restart(self, deployment: str) -> None:
        """Starts a rolling restart: new pods first, then the old ones are asked to stop."""
        stamp = {"kubectl.kubernetes.io/restartedAt": datetime.now(UTC).isoformat()}
        body = {"spec": {"template": {"metadata": {"annotations": stamp}}}}
        self._apps.patch_namespaced_deployment(deployment, NAMESPACE, body)

    async def rolled(self, deployment: str, within: float = 120) -> None:
        """Waits until every pod is of the newest template, Ready, and no other is left, not even a stopping one."""

        async def done() -> bool:
            found: Any = await asyncio.to_thread(self._apps.read_namespaced_deployment, deployment, NAMESPACE)
            wanted, status = found.spec.replicas, found.status
            current = status.observed_generation == found.metadata.generation
            counts = {status.replicas, status.updated_replicas, status.ready_replicas}
            return current and counts == {wanted} and len(await asyncio.to_thread(self._all_pods, deployment)) == wanted

        await eventually(done, within=within, every=0.25, what=f"{deployment} rolled")

    async def renewed(self, name: str, count: int) -> None:
        """Replaces the pods whose containers were restarted: the kubelet lets a new pod's start again at once."""
        for pod in self.pods(name):
            if any(container.restart_count for container in pod.status.container_statuses or []):
                self._core.delete_namespaced_pod(pod.metadata.name, NAMESPACE)
        await self.ready(name, count)

    def scale(self, stateful_set: str, replicas: int) -> None:
        """Takes a store away (0) or brings it back (1); its volume stays."""
        body = {"spec": {"replicas": replicas}}
        self._apps.patch_namespaced_stateful_set_scale(stateful_set, NAMESPACE, body)

    async def ready(self, name: str, count: int, within: float = 120) -> None:
        """Waits until ``count`` pods of the workload are Ready and no others are left."""

        async def enough() -> bool:
            pods = self.pods(name)
            good = [p for p in pods if any(c.type == "Ready" and c.status == "True" for c in p.status.conditions or [])]
            return len(good) == count == len(pods)

        await eventually(enough, within=within, every=0.25, what=f"{count} ready pods of {name}")
