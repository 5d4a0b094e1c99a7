"""Conditions: what holds of a resource, stamped with the generation of the spec that it was observed with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from amazonlite_operator.kind.actions import Wait
from amazonlite_operator.kube.reasons import ExplainedReason
from amazonlite_operator.kube.schema import Condition


class ConditionValue(NamedTuple):
    """`status` is True, False or Unknown, as a string; without a message the reason explains itself."""

    status: str
    reason: ExplainedReason
    message: str = ""


def kstatus(wait: Wait, *, as_asked: bool, failed: bool) -> dict[str, ConditionValue]:
    """Ready, Reconciling and Stalled as kstatus reads them; exactly one of them is True.

    A resource that is over is not in progress: it ended as its spec asks, or it failed.
    """
    stalled = wait.stalled or failed
    ready = as_asked and not stalled
    holds = {"Ready": ready, "Reconciling": not ready and not stalled, "Stalled": stalled}
    return {kind: ConditionValue(str(true), wait.reason, wait.message) for kind, true in holds.items()}


def stamped(
    values: Mapping[str, ConditionValue], before: Sequence[Condition], *, now: datetime, generation: int
) -> list[Condition]:
    """A condition keeps the time of its last transition until its status changes."""
    old = {condition.type: condition for condition in before}
    return [
        Condition(
            type=kind,
            status=status,
            reason=reason,
            message=(message or reason.explanation)[:1024],
            last_transition_time=old[kind].last_transition_time if kind in old and old[kind].status == status else now,
            observed_generation=generation,
        )
        for kind, (status, reason, message) in values.items()
    ]
