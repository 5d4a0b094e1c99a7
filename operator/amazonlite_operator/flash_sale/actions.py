"""What a plan can ask for. Each effect can be repeated: doing it twice is doing it once."""

from __future__ import annotations

from dataclasses import dataclass

from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.flash_sale.state import FlashSaleStatus, Floor


@dataclass(frozen=True, slots=True)
class AddFinalizer:
    pass


@dataclass(frozen=True, slots=True)
class RemoveFinalizer:
    pass


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

    then: Record | Wait


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
    floor: Floor


@dataclass(frozen=True, slots=True)
class RestoreFloors:
    pass


@dataclass(frozen=True, slots=True)
class WriteEvidence:
    pass


@dataclass(frozen=True, slots=True)
class Record:
    """Write this status; nothing outside of it changes."""

    status: FlashSaleStatus


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do for `seconds`; `stalled` when only a person (or time, with luck) can change that."""

    seconds: float | None
    reason: Reason
    message: str = ""
    stalled: bool = False


Action = (
    AddFinalizer
    | RemoveFinalizer
    | Allocate
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
    | WriteEvidence
    | Record
    | Wait
)
