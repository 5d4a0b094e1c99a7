"""What a plan can ask for, beside the effects of each kind. Each can be repeated: doing it twice is doing it once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from amazonlite_operator.kind.status import KindStatus
from amazonlite_operator.kube.reasons import ExplainedReason

T = TypeVar("T", bound=KindStatus[Any])
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class AddFinalizer:
    """Before the first effect outside of the resource."""


@dataclass(frozen=True, slots=True)
class RemoveFinalizer:
    """Nothing is held any more."""


@dataclass(frozen=True, slots=True)
class WriteEvidence:
    """The outcome is decided."""


@dataclass(frozen=True, slots=True)
class Record(Generic[T]):
    """Write this status; nothing outside of it changes."""

    status: T


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do for `seconds`; `stalled` when only a person (or time, with luck) can change that."""

    seconds: float | None
    reason: ExplainedReason
    message: str = ""
    stalled: bool = False

    @property
    def reason_and_message(self) -> tuple[ExplainedReason, str]:
        """As a condition gives them."""
        return self.reason, self.message or self.reason.explanation


CommonEffect: TypeAlias = AddFinalizer | RemoveFinalizer | WriteEvidence
Action: TypeAlias = Wait | Record[T] | AddFinalizer | RemoveFinalizer | WriteEvidence | E
