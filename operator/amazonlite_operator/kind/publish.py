"""Writes the status: what was observed, why it goes no further, and Events and metrics beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Generic, TypeVar

from amazonlite_operator.kind.actions import Wait
from amazonlite_operator.kind.conditions import ConditionValue, kstatus, stamped
from amazonlite_operator.kind.decisions import Decisions
from amazonlite_operator.kind.events import phase_changes, stalls
from amazonlite_operator.kind.observation import Observation
from amazonlite_operator.kind.ports import Cluster
from amazonlite_operator.kind.status import KindStatus
from amazonlite_operator.kube import metrics
from amazonlite_operator.kube.api import ObjectNotFound
from amazonlite_operator.kube.controller import Key
from amazonlite_operator.kube.crd import AnyResource
from amazonlite_operator.kube.events import EventRecorder
from amazonlite_operator.kube.patch import merge_patch

T = TypeVar("T", bound=KindStatus[Any])
O = TypeVar("O", bound=Observation[Any, Any])  # noqa: E741 - o is an observation everywhere


def status_to_write(decisions: Decisions[T, O, Any], o: O, status: T, wait: Wait) -> T:
    """The status to write. Of a resource that cannot be read only kstatus' conditions change."""
    if o.invalid is not None:
        values = _kstatus(decisions, status, wait)
        others = [condition for condition in status.conditions if condition.type not in values]
    else:
        described = decisions.describe(o, status, wait)
        values, others = {**_kstatus(decisions, described.status, described.wait), **described.conditions}, []
        status = described.status
    generation = o.resource.generation
    conditions = stamped(values, status.conditions, now=o.now, generation=generation)
    return status.changed(observed_generation=generation, conditions=[*conditions, *others])


def _kstatus(decisions: Decisions[T, O, Any], status: T, wait: Wait) -> dict[str, ConditionValue]:
    as_asked = status.over or decisions.as_asked(status, wait)
    return kstatus(wait, as_asked=as_asked, failed=decisions.failed(status))


class Publisher(Generic[T, O]):
    """`publish` writes a status unless the object says so already, guarded by the version that was observed."""

    def __init__(
        self,
        resource: AnyResource,
        decisions: Decisions[T, O, Any],
        export: Callable[[Key, T], None],
        *,
        cluster: Cluster,
        recorder: EventRecorder,
    ) -> None:
        self._resource = resource
        self._decisions = decisions
        self._export = export
        self._cluster = cluster
        self._recorder = recorder

    async def publish(self, o: O, status: T, wait: Wait) -> None:
        """Nothing when the object is gone; a conflict (409) when it has changed since it was observed."""
        new = status_to_write(self._decisions, o, status, wait)
        if (patch := _patch(o, new)) and not await self._write(o, patch):
            return
        self._export(o.resource.key, new)
        if status.phase is not o.status.phase:
            self._count(o, status)
        for event in (
            *phase_changes(new, self._decisions.warnings),
            *stalls(new),
            *self._decisions.events(o, new),
        ):
            await self._recorder.post(o.resource.manifest, event)

    async def _write(self, o: O, patch: dict[str, Any]) -> bool:
        guard = {"resourceVersion": o.resource.manifest["metadata"]["resourceVersion"]}
        path = self._resource.object_path(o.namespace, o.name)
        try:
            await self._cluster.merge(f"{path}/status", {"metadata": guard, "status": patch})
        except ObjectNotFound:
            return False
        return True

    def _count(self, o: O, new: T) -> None:
        kind, seconds = self._resource.kind, (o.now - o.status.timeline[-1].at) / timedelta(seconds=1)
        metrics.PHASE_SECONDS.labels(kind, o.status.phase).observe(seconds)
        metrics.PHASE_CHANGES.labels(kind, new.phase, new.timeline[-1].reason).inc()


def _patch(o: Observation[Any, Any], new: KindStatus[Any]) -> dict[str, Any]:
    """What differs; fields that another version wrote, and this one cannot read, stay as they are."""
    unread = o.invalid.status_fields - {"conditions"} if o.invalid is not None else frozenset[str]()
    written = new.model_dump(by_alias=True, mode="json", exclude_none=True)
    changes = merge_patch(o.resource.manifest.get("status") or {}, written)
    return {field: value for field, value in changes.items() if field not in unread}
