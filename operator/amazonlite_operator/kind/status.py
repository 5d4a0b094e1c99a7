"""What the status of every kind holds: where the resource is, how it got there, how it ended, its conditions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Generic, Self, TypeVar

from pydantic import Field

from amazonlite_operator.kind.phases import PhaseTable
from amazonlite_operator.kube.schema import Condition, Count, Fields, Instant

TIMELINE_HEAD, TIMELINE_LENGTH = 10, 50
P = TypeVar("P", bound=StrEnum)


class Transition(Fields, Generic[P]):
    """A phase, since when and why."""

    phase: P
    at: Instant
    reason: str
    message: str = ""


class Outcome(Fields, Generic[P]):
    """The phase that a resource ends in, decided before its evidence is written."""

    at: Instant
    phase: P
    reason: str
    message: str


class Evidence(Fields):
    config_map: str
    sha256: str


class KindStatus(Fields, Generic[P]):
    """A kind adds fields of its own, all with defaults, and gives `phase` its default."""

    phases: ClassVar[PhaseTable[Any]]

    phase: P
    observed_generation: int = Field(default=0, ge=0, description="The generation of the spec all this is judged by.")
    conditions: list[Condition] = Field(
        default_factory=list,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    outcome: Outcome[P] | None = None
    evidence: Evidence | None = None
    transitions: Count = Field(default=0, description="Phase changes so far; numbers idempotency keys and events.")
    timeline: list[Transition[P]] = Field(default_factory=list, max_length=TIMELINE_LENGTH)

    def changed(self, **fields: object) -> Self:
        return self.model_copy(update=fields)

    def begun(self, at: datetime, reason: str) -> Self:
        """The status of a resource that nobody has observed before; any other as it is."""
        if self.timeline:
            return self
        return self.changed(timeline=[_transition(self.phases.initial, at, reason, "created")])

    def advanced(self, phase: P, at: datetime, reason: str, message: str = "") -> Self:
        """One phase further, or IllegalTransition; a long timeline loses its middle, never its beginning or its end."""
        self.phases.check(self.phase, phase)
        timeline = [*self.timeline, _transition(phase, at, reason, message)]
        if len(timeline) > TIMELINE_LENGTH:
            timeline.pop(TIMELINE_HEAD)
        return self.changed(phase=phase, timeline=timeline, transitions=self.transitions + 1)

    def since(self, phase: P) -> datetime | None:
        """When the phase was last entered."""
        return next((entry.at for entry in reversed(self.timeline) if entry.phase is phase), None)

    @property
    def over(self) -> bool:
        return self.phase in self.phases.terminal


def _transition(phase: P, at: datetime, reason: str, message: str) -> Transition[P]:
    typed: type[Transition[P]] = Transition.__class_getitem__(type(phase))  # type: ignore[assignment]
    return typed(phase=phase, at=at, reason=reason, message=message)
