"""Replicas held by a resource: remembered first, raised then, put back at its end.

Several resources may raise one Deployment, and the last to end puts it back. Remembering and restoring are therefore
done one after another (Operations.one_at_a_time), each by what the one before has written down.

Caveat: only floors of the same kind are seen. A second kind that raises Deployments must read those of both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from pydantic import Field

from amazonlite_operator.kind.deployments import Replicas, read_deployments, scale
from amazonlite_operator.kind.observation import Observation
from amazonlite_operator.kind.ports import Cluster
from amazonlite_operator.kube.schema import Count, Fields, read_what_fits


class ReplicaFloor(Fields):
    """A Deployment raised from `original` to `raised` replicas; remembered before it is raised."""

    deployment: str
    original: Count
    raised: Count


class Holds(Fields):
    """The part of a status that says what is held."""

    floors: list[ReplicaFloor] = Field(default_factory=list)


class Target(Protocol):
    """The replicas that a Deployment is to have at least."""

    @property
    def deployment(self) -> str: ...

    @property
    def replicas(self) -> int: ...


async def remember_floors(
    cluster: Cluster, path: str, o: Observation[Any, Any], targets: Sequence[Target], held: Iterable[ReplicaFloor]
) -> list[ReplicaFloor]:
    """The floors to write down; `path` is that of all resources of the kind."""
    # Others' floors first, Deployments after: a floor is given up only after its Deployment was put back.
    others = await _others(cluster, path, o.uid)
    current = await read_deployments(cluster, o.namespace, [target.deployment for target in targets])
    return remember(targets, held, current, others)


async def restore_floors(
    cluster: Cluster, path: str, o: Observation[Any, Any], held: Sequence[ReplicaFloor]
) -> list[ReplicaFloor]:
    """Puts Deployments back as far as no other resource needs them; what is held then."""
    others = await _others(cluster, path, o.uid)
    current = await read_deployments(cluster, o.namespace, [floor.deployment for floor in held])
    for floor in held:
        goal = restored(floor, current[floor.deployment], others) if floor.deployment in current else None
        if goal is not None:
            await scale(cluster, o.namespace, floor.deployment, goal)
    return []


async def _others(cluster: Cluster, path: str, uid: str) -> list[ReplicaFloor]:
    """The floors of all other resources that hold some."""
    items = [item for item in await cluster.items(path) if item["metadata"]["uid"] != uid]
    return [floor for item in items for floor in read_what_fits(Holds, item.get("status") or {})[0].floors]


def remember(
    targets: Iterable[Target],
    held: Iterable[ReplicaFloor],
    deployments: Mapping[str, Replicas],
    others: Iterable[ReplicaFloor],
) -> list[ReplicaFloor]:
    """The floors to hold: never below what runs now; `original` is what ran before any resource raised it.

    A target that does not exist has none yet.
    """
    mine = {floor.deployment: floor for floor in held}
    theirs = list(others)
    for target in targets:
        if target.deployment not in deployments:
            continue
        current = deployments[target.deployment].desired
        known = [
            floor.original for floor in theirs if floor.deployment == target.deployment and floor.raised == current
        ]
        original = mine[target.deployment].original if target.deployment in mine else min([current, *known])
        mine[target.deployment] = ReplicaFloor(
            deployment=target.deployment, original=original, raised=max(current, target.replicas)
        )
    return list(mine.values())


def incomplete(targets: Iterable[Target], held: Iterable[ReplicaFloor]) -> bool:
    """A target has no floor yet, or a lower one."""
    raised = {floor.deployment: floor.raised for floor in held}
    return any(raised.get(target.deployment, -1) < target.replicas for target in targets)


def lowered(held: Iterable[ReplicaFloor], deployments: Mapping[str, Replicas]) -> ReplicaFloor | None:
    """One that somebody scaled down below its floor, or that hasn't been raised yet."""
    return next((f for f in held if f.deployment in deployments and deployments[f.deployment].desired < f.raised), None)


def restored(floor: ReplicaFloor, current: Replicas, others: Iterable[ReplicaFloor]) -> int | None:
    """Replicas to go back to, or None when the Deployment is no longer as this resource left it."""
    if current.desired != floor.raised:
        return None  # a person or an autoscaler has changed it since: theirs to decide
    still = [other.raised for other in others if other.deployment == floor.deployment]
    goal = max([floor.original, *still])
    return goal if goal != current.desired else None
