"""Kubernetes Events, once each: the name is made of what happened, so that posting it again changes nothing."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from amazonlite.common.core.clock import Clock
from amazonlite.common.observe.logs import get_logger
from amazonlite_operator.kube.api import Kube, KubeError, Manifest, ObjectConflict

# The API server keeps Events for an hour: a restarted operator must not post again what has faded since.
EXPIRED_AFTER = timedelta(minutes=50)

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """`key` tells two Events of one object apart: a transition's number, a reason and a generation."""

    key: str
    action: str
    reason: str
    message: str
    at: datetime
    warning: bool = False


class EventRecorder:
    """Posts events.k8s.io/v1 Events about an object. An Event that cannot be posted is logged, never an error."""

    def __init__(self, kube: Kube, clock: Clock, *, instance: str) -> None:
        self._kube = kube
        self._clock = clock
        self._instance = instance[:128]
        self._posted: dict[str, set[str]] = {}

    async def post(self, about: Manifest, event: Event) -> None:
        metadata = about["metadata"]
        posted = self._posted.setdefault(metadata["uid"], set())
        if event.key in posted or self._clock.now() - event.at > EXPIRED_AFTER:
            return
        body = self._event(about, event)
        try:
            with suppress(ObjectConflict):  # posted before, by this process or the one before it
                await self._kube.create(f"/apis/events.k8s.io/v1/namespaces/{metadata['namespace']}/events", body)
        except KubeError as error:
            log.warning("event_not_posted", reason=event.reason, error=repr(error))
            return
        posted.add(event.key)

    def drop(self, uid: str) -> None:
        """The object is gone."""
        self._posted.pop(uid, None)

    def _event(self, about: Manifest, event: Event) -> Manifest:
        metadata = about["metadata"]
        digest = hashlib.sha256(f"{metadata['uid']} {event.key}".encode()).hexdigest()[:16]
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": f"{metadata['name']}.{digest}", "namespace": metadata["namespace"]},
            "eventTime": event.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": "amazonlite.dev/operator",
            "reportingInstance": self._instance,
            "action": event.action,
            "reason": event.reason,
            "note": event.message[:1024],
            "type": "Warning" if event.warning else "Normal",
            "regarding": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
                "resourceVersion": metadata.get("resourceVersion", ""),
            },
        }
