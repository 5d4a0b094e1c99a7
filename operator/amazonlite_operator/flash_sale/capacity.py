"""Replicas held for a sale: remembered first, raised then, and raised again when somebody takes them away."""

from __future__ import annotations

from amazonlite_operator.flash_sale.actions import Action, RaiseFloor, RememberFloors
from amazonlite_operator.flash_sale.observation import SaleObservation
from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.kind.actions import Wait
from amazonlite_operator.kind.moves import STALLED_FOR, cluster_refuses
from amazonlite_operator.kind.replica_floors import incomplete, lowered


def hold_capacity(o: SaleObservation) -> Action | None:
    if o.capacity_unknown:
        return cluster_refuses(o.capacity_unknown)
    if o.missing:
        return not_found(o)
    if incomplete(o.spec.targets, o.status.floors):
        return RememberFloors()
    return raise_again(o)


def keep_capacity(o: SaleObservation) -> Action | None:
    """Of an open sale: a target added since is raised as soon as it exists; one that is missing closes no doors."""
    there = [target for target in o.spec.targets if target.deployment in o.deployments]
    if incomplete(there, o.status.floors):
        return RememberFloors()
    return raise_again(o)


def raise_again(o: SaleObservation) -> RaiseFloor | None:
    floor = lowered(o.status.floors, o.deployments)
    return RaiseFloor(floor) if floor else None


def not_found(o: SaleObservation) -> Wait:
    message = f"no Deployment {', '.join(o.missing)} in namespace {o.namespace}; create it or correct spec.prewarm"
    return Wait(STALLED_FOR, Reason.DEPLOYMENT_NOT_FOUND, message, stalled=True)
