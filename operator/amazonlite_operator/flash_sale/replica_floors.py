"""Whose replicas are whose: several sales may raise one Deployment, and the last to end puts it back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from amazonlite_operator.flash_sale.observation import Replicas
from amazonlite_operator.flash_sale.spec import Target
from amazonlite_operator.flash_sale.status import ReplicaFloor


def remember(
    targets: Iterable[Target],
    held: Iterable[ReplicaFloor],
    deployments: Mapping[str, Replicas],
    others: Iterable[ReplicaFloor],
) -> list[ReplicaFloor]:
    """The floors to hold: never below what runs now; `original` is what ran before any sale raised it.

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
    raised = {floor.deployment: floor.raised for floor in held}
    return any(raised.get(target.deployment, -1) < target.replicas for target in targets)


def restored(floor: ReplicaFloor, current: Replicas, others: Iterable[ReplicaFloor]) -> int | None:
    """Replicas to go back to, or None when the Deployment is no longer as this sale left it."""
    if current.desired != floor.raised:
        return None  # a person or an autoscaler has changed it since: theirs to decide
    still = [other.raised for other in others if other.deployment == floor.deployment]
    goal = max([floor.original, *still])
    return goal if goal != current.desired else None
