"""Actions that plans of every kind ask for: one phase further, the end, and the waits for who refuses the operator."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

from amazonlite.common.core.certain import certain
from amazonlite_operator.kind.actions import Record, Wait, WriteEvidence
from amazonlite_operator.kind.observation import Observation
from amazonlite_operator.kind.reasons import CommonReason, reason_of
from amazonlite_operator.kind.status import KindStatus
from amazonlite_operator.kube.reasons import ExplainedReason

SOON, STALLED_FOR = 1.0, 10.0
T = TypeVar("T", bound=KindStatus[Any])


def advance(
    o: Observation[Any, T], phase: StrEnum, reason: ExplainedReason, message: str = "", **fields: object
) -> Record[T]:
    """One phase further with these fields of the status changed, or IllegalTransition."""
    return Record(o.status.changed(**fields).advanced(phase, o.now, reason, message or reason.explanation))


def conclude(o: Observation[Any, T], reasons: type[ExplainedReason]) -> WriteEvidence | Record[T]:
    """Once the outcome is written down: its evidence first, then its phase."""
    outcome = certain(o.status.outcome, "a resource ends with an outcome only")
    if o.status.evidence is None:
        return WriteEvidence()
    return advance(o, outcome.phase, reason_of(outcome.reason, reasons), outcome.message)


def shop_refuses(refusal: str) -> Wait:
    return Wait(STALLED_FOR, CommonReason.SHOP_REFUSES, f"{refusal} {CommonReason.SHOP_REFUSES.explanation}", True)


def cluster_refuses(refusal: str, seconds: float = STALLED_FOR) -> Wait:
    message = f"{refusal} {CommonReason.CLUSTER_REFUSES.explanation}"
    return Wait(min(seconds, STALLED_FOR), CommonReason.CLUSTER_REFUSES, message, stalled=True)
