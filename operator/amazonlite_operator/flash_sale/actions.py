"""The effects that a sale's plan can ask for, beside those of every kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from amazonlite_operator.flash_sale.status import FlashSaleStatus
from amazonlite_operator.kind.actions import Action as KindAction
from amazonlite_operator.kind.actions import Record, Wait
from amazonlite_operator.kind.replica_floors import ReplicaFloor


@dataclass(frozen=True, slots=True)
class Allocate:
    """Set the stock aside, or for a rehearsal its shadow."""

    rehearsal: bool = False


@dataclass(frozen=True, slots=True)
class SetState:
    """`step` tells this change from an earlier one to the same state."""

    state: str
    step: str
    rehearsal: bool = False


@dataclass(frozen=True, slots=True)
class StopClaims:
    """Abort inventory's sale although nobody could read it; `then` is what follows once inventory has taken it."""

    then: Record[FlashSaleStatus] | Wait


@dataclass(frozen=True, slots=True)
class SetAdmission:
    max_active: int
    rate_per_second: int


@dataclass(frozen=True, slots=True)
class Settle:
    """Unsold units go back to stock."""


@dataclass(frozen=True, slots=True)
class DeleteSale:
    rehearsal: bool = False


@dataclass(frozen=True, slots=True)
class StartJob:
    pass


@dataclass(frozen=True, slots=True)
class DeleteJob:
    pass


@dataclass(frozen=True, slots=True)
class RememberFloors:
    """Write down what is about to be raised."""


@dataclass(frozen=True, slots=True)
class RaiseFloor:
    floor: ReplicaFloor


@dataclass(frozen=True, slots=True)
class RestoreFloors:
    pass


Effect: TypeAlias = (
    Allocate
    | SetState
    | StopClaims
    | SetAdmission
    | Settle
    | DeleteSale
    | StartJob
    | DeleteJob
    | RememberFloors
    | RaiseFloor
    | RestoreFloors
)
Action: TypeAlias = KindAction[FlashSaleStatus, Effect]
