"""The pure half of a kind: from an observation to the next action, and to what the status says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from amazonlite_operator.kind.actions import Action, AddFinalizer, RemoveFinalizer, Wait
from amazonlite_operator.kind.conditions import ConditionValue
from amazonlite_operator.kind.evidence import Report, common_facts, page
from amazonlite_operator.kind.moves import STALLED_FOR, cluster_refuses
from amazonlite_operator.kind.observation import Observation
from amazonlite_operator.kind.reasons import CommonReason, reason_of
from amazonlite_operator.kind.status import KindStatus
from amazonlite_operator.kube.events import Event
from amazonlite_operator.kube.reasons import ExplainedReason

T = TypeVar("T", bound=KindStatus[Any])
O = TypeVar("O", bound=Observation[Any, Any])  # noqa: E741 - o is an observation everywhere
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Description(Generic[T]):
    """The status with what was measured, why it goes no further, and the conditions of the kind's own."""

    status: T
    wait: Wait
    conditions: Mapping[str, ConditionValue] = field(default_factory=dict)


class Decisions(ABC, Generic[T, O, E]):
    """What a kind decides. Pure: the same observation gives the same answer, whoever asks, and asking changes nothing.

    Only the phase and what cannot be observed again is read from the status, so that a killed operator goes on by
    observing.
    """

    reasons: ClassVar[type[ExplainedReason]]
    warnings: ClassVar[frozenset[ExplainedReason]] = frozenset()
    """The reasons whose phase changes are Events of type Warning."""

    @abstractmethod
    def plan(self, o: O) -> Action[T, E]:
        """The next action of a resource that is valid, not over, not being deleted, and carries its finalizer."""

    def release_deleted(self, o: O) -> Action[T, E] | None:
        """The next action that gives back what a resource holds that is being deleted; None once it holds nothing.

        Needs no valid spec and no valid status: `o.invalid` may be set.
        """
        return None

    def release_over(self, o: O) -> Action[T, E] | None:
        """The same of one that is over."""
        return None

    def unreadable(self, o: O, wait: Wait) -> Action[T, E]:
        """What to do with a resource whose spec or status does not validate: to wait for a person, and say so."""
        return wait

    def as_asked(self, status: T, wait: Wait) -> bool:
        """Whether a resource that waits so is as its spec asks at this time. One that is over always is, or failed."""
        return False

    def failed(self, status: T) -> bool:
        """Whether it has ended other than its spec asks."""
        return False

    def describe(self, o: O, status: T, wait: Wait) -> Description[T]:
        """What to publish: `status` says where the resource is, `wait` why it goes no further just now."""
        return Description(status, wait)

    def events(self, o: O, status: T) -> Sequence[Event]:
        """Events beside those of phase changes and stalls, oldest first; those posted before are dropped by keys."""
        return ()

    def evidence(self, o: O) -> Report:
        """What the evidence of a resource says whose outcome is decided."""
        facts = common_facts(o)
        return Report(facts, page(o, facts))

    def final_reason(self, status: T) -> ExplainedReason:
        return reason_of(status.timeline[-1].reason, self.reasons)

    def next_action(self, o: O) -> Action[T, E]:
        """The one next action, whatever is observed."""
        action = self._next(o)
        if o.cluster_refusal and isinstance(action, Wait) and action.seconds is not None:
            return cluster_refuses(o.cluster_refusal, action.seconds)
        return action

    def _next(self, o: O) -> Action[T, E]:
        has_finalizer = o.resource.has_finalizer
        if o.deleting:
            return (self.release_deleted(o) or RemoveFinalizer()) if has_finalizer else _DELETED
        if o.status.over:
            waiting = Wait(None, self.final_reason(o.status))
            return (self.release_over(o) or RemoveFinalizer()) if has_finalizer else waiting
        if o.invalid is not None:
            return self.unreadable(o, Wait(STALLED_FOR, o.invalid.reason, o.invalid.message, stalled=True))
        return self.plan(o) if has_finalizer else AddFinalizer()


_DELETED = Wait(None, CommonReason.DELETING)
