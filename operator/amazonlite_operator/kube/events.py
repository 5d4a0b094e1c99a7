"""Kubernetes Events, once each: the name is made of what happened, so that telling it again changes nothing."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from amazonlite.common.core.clock import Clock
from amazonlite.common.observe.logs import get_logger
from amazonlite_operator.kube.api import Kube, KubeError, Manifest, ObjectConflict

# The API server keeps Events for an hour: a restarted operator must not tell again what has faded since.
FORGOTTEN_AFTER = timedelta(minutes=50)

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Happening:
    """`key` tells two happenings of one object apart: a transition's number, a reason and a generation."""

    key: str
    action: str
    reason: str
    message: str
    at: datetime
    warning: bool = False


class Announcer:
    """Posts events.k8s.io/v1 Events about an object. An Event that cannot be posted is logged, never an error."""

    def __init__(self, kube: Kube, clock: Clock, *, instance: str) -> None:
        self._kube = kube
        self._clock = clock
        self._instance = instance[:128]
        self._told: dict[str, set[str]] = {}

    async def tell(self, about: Manifest, happening: Happening) -> None:
        metadata = about["metadata"]
        told = self._told.setdefault(metadata["uid"], set())
        if happening.key in told or self._clock.now() - happening.at > FORGOTTEN_AFTER:
            return
        body = self._event(about, happening)
        try:
            with suppress(ObjectConflict):  # told before, by this process or the one before it
                await self._kube.create(f"/apis/events.k8s.io/v1/namespaces/{metadata['namespace']}/events", body)
        except KubeError as error:
            log.warning("event_not_posted", reason=happening.reason, error=repr(error))
            return
        told.add(happening.key)

    def forget(self, uid: str) -> None:
        self._told.pop(uid, None)

    def _event(self, about: Manifest, happening: Happening) -> Manifest:
        metadata = about["metadata"]
        digest = hashlib.sha256(f"{metadata['uid']} {happening.key}".encode()).hexdigest()[:16]
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": f"{metadata['name']}.{digest}", "namespace": metadata["namespace"]},
            "eventTime": happening.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": "amazonlite.dev/operator",
            "reportingInstance": self._instance,
            "action": happening.action,
            "reason": happening.reason,
            "note": happening.message[:1024],
            "type": "Warning" if happening.warning else "Normal",
            "regarding": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
                "resourceVersion": metadata.get("resourceVersion", ""),
            },
        }
