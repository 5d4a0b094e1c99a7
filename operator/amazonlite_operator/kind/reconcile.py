"""The loop of every kind: observe, plan, perform, publish, again, until the plan says wait.

Expected flow

1. The controller has a key; the object is read.
2. `Operations.observe` adds what the next action depends on.
3. `Decisions.next_action` names one action.
4. An effect is performed with the leader's number, a Record or Wait needs none; the status is published.
5. From 1 again, until a Wait says how long.

Guarantees: no effect before the finalizer is on the object, none after leadership was lost, no status over one that
somebody has changed since it was observed, never two passes over one object at a time.

Assumptions: effects are idempotent; what must survive a kill is in the status, or can be observed again.

Errors: what the shop or the API server refuses stands in the status and is tried again after a fixed pause; everything
else is tried again by the queue, with growing pauses.
"""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar

from amazonlite_operator.kind import evidence
from amazonlite_operator.kind.actions import (
    AddFinalizer,
    CommonEffect,
    Record,
    RemoveFinalizer,
    Wait,
    WriteEvidence,
)
from amazonlite_operator.kind.finalizer import set_finalizer
from amazonlite_operator.kind.kind import Kind
from amazonlite_operator.kind.moves import cluster_refuses, shop_refuses
from amazonlite_operator.kind.observation import Observation
from amazonlite_operator.kind.operations import Operations
from amazonlite_operator.kind.ports import Cluster
from amazonlite_operator.kind.publish import Publisher
from amazonlite_operator.kind.reasons import reason_of
from amazonlite_operator.kind.status import KindStatus
from amazonlite_operator.kube import metrics
from amazonlite_operator.kube.api import KubeError
from amazonlite_operator.kube.controller import Key
from amazonlite_operator.kube.events import EventRecorder
from amazonlite_operator.kube.lease import LeadershipLost, Lease
from amazonlite_operator.kube.schema import Fields
from amazonlite_operator.shop.client import Refusal, Unreachable

# A flash sale needs about fifteen steps from its first observation to its last; more in one go is a plan that turns in
# circles.
MOST_STEPS = 40

S = TypeVar("S", bound=Fields)
T = TypeVar("T", bound=KindStatus[Any])
O = TypeVar("O", bound=Observation[Any, Any])  # noqa: E741 - o is an observation everywhere
E = TypeVar("E")


class Reconciler(Generic[S, T, O, E]):
    """`await reconciler(key)`: seconds until the next pass, or None when nothing is left to do."""

    def __init__(
        self,
        kind: Kind[S, T, O, E],
        operations: Operations[S, T, O, E],
        *,
        cluster: Cluster,
        lease: Lease,
        recorder: EventRecorder,
    ) -> None:
        self._kind = kind
        self._operations = operations
        self._cluster = cluster
        self._lease = lease
        self._recorder = recorder
        self._publisher = Publisher(
            kind.resource, kind.decisions, operations.export, cluster=cluster, recorder=recorder
        )
        self._followed: dict[Key, str] = {}
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, key: Key) -> float | None:
        for _ in range(MOST_STEPS):
            manifest = await self._cluster.get(self._path(key))
            self._follow(key, manifest["metadata"]["uid"] if manifest else None)
            if manifest is None:
                return None
            o = await self._operations.observe(self._kind.read(key, manifest))
            action = self._kind.decisions.next_action(o)
            if isinstance(action, Wait):
                await self._publish(o, o.status, action)
                return action.seconds
            if isinstance(action, Record):
                await self._publish(o, action.status, self._why(action.status))
            elif (pause := await self._in_turn(action, o)) is not None:
                return pause
        raise RuntimeError(f"{MOST_STEPS} steps without rest")

    def drop_all(self) -> None:
        """When this replica leads no longer: what it remembers grows old, and the next leader exports it."""
        for key in list(self._followed):
            self._follow(key, None)

    def _follow(self, key: Key, uid: str | None) -> None:
        """Before each observation, so that what is remembered of an object goes when the object is seen to be gone."""
        before = self._followed.pop(key, None)
        if uid is not None:
            self._followed[key] = uid
        if before is not None and before != uid:
            self._operations.drop(key, before)
            self._recorder.drop(before)

    async def _in_turn(self, effect: CommonEffect | E, o: O) -> float | None:
        if not isinstance(effect, self._operations.one_at_a_time):
            return await self._perform(effect, o)
        async with self._one_at_a_time:
            return await self._perform(effect, o)

    async def _perform(self, effect: CommonEffect | E, o: O) -> float | None:
        """Seconds to wait; None to go on."""
        outcome = "ok"
        try:
            result = await self._effect(effect, o, self._lease.fence())
        except (Refusal, Unreachable, KubeError) as error:
            outcome = _outcome(error)
            return await self._failed(effect, o, error)
        finally:
            metrics.EFFECTS.labels(self._kind.name, type(effect).__name__, outcome).inc()
        if isinstance(result, Wait):
            await self._publish(o, o.status, result)
            return result.seconds
        if result is not None:
            await self._publish(o, result, self._why(result))
        return None

    async def _effect(self, effect: CommonEffect | E, o: O, fence: int) -> T | Wait | None:
        match effect:
            case AddFinalizer() | RemoveFinalizer():
                present = isinstance(effect, AddFinalizer)
                name, path = self._kind.resource.finalizer, self._path(o.resource.key)
                await set_finalizer(self._cluster, path, o.resource, name, present=present)
                return None
            case WriteEvidence():
                written = await evidence.write(self._cluster, o, self._kind.decisions.evidence(o))
                status: T = o.status
                return status.changed(evidence=written)
            case _:
                return await self._operations.perform(effect, o, fence)

    async def _failed(self, effect: CommonEffect | E, o: O, error: Refusal | Unreachable | KubeError) -> float:
        """Publishes why; the error itself is raised when the queue's growing pauses are right for it."""
        wait = self._explained(effect, o, error)
        if wait is not None:
            await self._publish(o, o.status, wait)
        if wait is None or wait.seconds is None:
            raise error
        return wait.seconds

    def _explained(self, effect: CommonEffect | E, o: O, error: Refusal | Unreachable | KubeError) -> Wait | None:
        match error:
            case Refusal(code="stale_fence"):
                self._lease.step_back(int(error.members.get("fence", 0)))
                raise LeadershipLost(error.detail)
            case Refusal(status=401 | 403):
                return shop_refuses(f"{error.service}: {error}" if error.service else f"{error}")
            case Refusal():
                return self._operations.refused(o, error)
            case Unreachable():
                return self._operations.unreachable(o, effect, error)
            case KubeError(refused=True):
                return cluster_refuses(f"{error}.")
        return None

    async def _publish(self, o: O, status: T, wait: Wait) -> None:
        self._lease.fence()
        await self._publisher.publish(o, status, wait)

    def _why(self, status: T) -> Wait:
        """What to say between two steps: why the phase was entered."""
        last = status.timeline[-1]
        return Wait(0.0, reason_of(last.reason, self._kind.decisions.reasons), last.message)

    def _path(self, key: Key) -> str:
        return self._kind.resource.object_path(key.namespace, key.name)


def _outcome(error: Refusal | Unreachable | KubeError) -> str:
    match error:
        case Refusal():
            return error.code
        case Unreachable():
            return "unreachable"
        case _:
            return str(error.status)
