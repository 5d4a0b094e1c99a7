"""The Job that rehearses: the operator's own image, without a service-account token, as locked down as any pod here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from amazonlite.common.core.certain import certain
from amazonlite_operator.flash_sale.observed import Observed
from amazonlite_operator.kube.api import Manifest
from amazonlite_operator.kube.crd import GROUP, VERSION

APP = "flash-sale-rehearsal"


def job_name(sale: str) -> str:
    return f"{sale}-rehearsal"


def job(o: Observed, *, image: str, gateway_url: str, auth_url: str) -> Manifest:
    wanted = certain(o.spec.rehearsal, "a Job is planned with a rehearsal in the spec only")
    begun = certain(o.status.rehearsal, "a Job is planned with a rehearsal in the status only")
    seconds = max(10, round((begun.deadline - begun.started_at) / timedelta(seconds=1)))
    labels = {"app.kubernetes.io/name": APP, "app.kubernetes.io/part-of": "amazonlite", f"{GROUP}/flash-sale": o.name}
    environment = {
        "SALE_ID": o.rehearsal_id,
        "CUSTOMERS": str(wanted.customers),
        "RATE_PER_SECOND": str(wanted.rate_per_second),
        "SECONDS": str(seconds - 5),
        "GATEWAY_URL": gateway_url,
        "AUTH_URL": auth_url,
    }
    owner = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "FlashSale", "name": o.name, "uid": o.uid, "controller": True}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": job_name(o.name), "namespace": o.namespace, "labels": labels, "ownerReferences": [owner]},
        "spec": {
            "backoffLimit": 1,
            "activeDeadlineSeconds": seconds,
            "template": {"metadata": {"labels": labels}, "spec": _pod(image, environment)},
        },
    }


def _pod(image: str, environment: dict[str, str]) -> dict[str, Any]:
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "rehearse",
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "command": ["python", "-m", "amazonlite_operator.flash_sale.rehearse"],
                "env": [
                    *({"name": name, "value": value} for name, value in environment.items()),
                    _secret("AUTH_CLIENT_ID", "id"),
                    _secret("AUTH_CLIENT_SECRET", "secret"),
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


def _secret(variable: str, key: str) -> dict[str, Any]:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": "client-load", "key": key}}}
