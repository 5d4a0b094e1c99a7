"""Jobs that a kind starts: the operator's own image, no service-account token, as locked down as any pod here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from amazonlite_operator.kind.observation import Resource
from amazonlite_operator.kind.owner import owned, owner_reference
from amazonlite_operator.kind.ports import Cluster
from amazonlite_operator.kube.api import Manifest


@dataclass(frozen=True, slots=True)
class Job:
    """`module` runs with `environment` and the credentials of the Secret `account` as AUTH_CLIENT_ID and _SECRET.

    `app` is the pods' app.kubernetes.io/name. What the module writes to /dev/termination-log, JSON, is its report.
    """

    name: str
    app: str
    module: str
    labels: Mapping[str, str]
    environment: Mapping[str, str]
    account: str
    seconds: int

    def manifest(self, resource: Resource[Any, Any], image: str) -> Manifest:
        labels = {"app.kubernetes.io/name": self.app, "app.kubernetes.io/part-of": "amazonlite", **self.labels}
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": self.name,
                "namespace": resource.key.namespace,
                "labels": labels,
                "ownerReferences": [owner_reference(resource)],
            },
            "spec": {
                "backoffLimit": 1,
                "activeDeadlineSeconds": self.seconds,
                "template": {"metadata": {"labels": labels}, "spec": self._pod(image)},
            },
        }

    def _pod(self, image: str) -> dict[str, Any]:
        return {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": self.module.rsplit(".", 1)[-1],
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python", "-m", self.module],
                    "env": [
                        *({"name": name, "value": value} for name, value in self.environment.items()),
                        self._secret("AUTH_CLIENT_ID", "id"),
                        self._secret("AUTH_CLIENT_SECRET", "secret"),
                    ],
                    "terminationMessagePolicy": "File",
                    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "192Mi"}},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        }

    def _secret(self, variable: str, key: str) -> dict[str, Any]:
        return {"name": variable, "valueFrom": {"secretKeyRef": {"name": self.account, "key": key}}}


@dataclass(frozen=True, slots=True)
class JobObservation:
    """`report` is what its pod wrote last, once finished.

    `ours` False: the name is taken by a Job of another owner, or by one that is being deleted. Nothing is read of it.
    """

    finished: bool
    ours: bool = True
    succeeded: bool = False
    report: Mapping[str, float] = field(default_factory=dict)


def jobs_path(namespace: str) -> str:
    return f"/apis/batch/v1/namespaces/{namespace}/jobs"


async def observe_job(cluster: Cluster, resource: Resource[Any, Any], name: str, app: str) -> JobObservation | None:
    """None: there is no Job of that name."""
    namespace = resource.key.namespace
    job = await cluster.get(f"{jobs_path(namespace)}/{name}")
    if job is None:
        return None
    if not owned(job, resource.uid) or "deletionTimestamp" in job["metadata"]:
        return JobObservation(finished=False, ours=False)
    ended = {c["type"] for c in job.get("status", {}).get("conditions", ()) if c["status"] == "True"}
    if not ended & {"Complete", "Failed"}:
        return JobObservation(finished=False)
    pods = await cluster.items(
        f"/api/v1/namespaces/{namespace}/pods",
        labelSelector=f"app.kubernetes.io/name={app},batch.kubernetes.io/controller-uid={job['metadata']['uid']}",
    )
    reports = [report for pod in pods if (report := _report(pod))]
    return JobObservation(finished=True, succeeded="Complete" in ended, report=reports[-1] if reports else {})


def _report(pod: dict[str, Any]) -> dict[str, float]:
    """The termination message of the container, when it is the JSON it should be."""
    for container in pod.get("status", {}).get("containerStatuses", ()):
        message = container.get("state", {}).get("terminated", {}).get("message", "")
        try:
            report = json.loads(message)
        except ValueError:
            continue
        if isinstance(report, dict):
            return report
    return {}
