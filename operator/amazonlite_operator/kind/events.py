"""The Events that every kind posts: its last phase changes, and what stalls it."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from amazonlite_operator.kind.status import KindStatus
from amazonlite_operator.kube.events import Event

LATEST = 3


def phase_changes(status: KindStatus[Any], warnings: Container[str]) -> list[Event]:
    """The last few, oldest first: a kill between the status and its Event must not lose the Event."""
    return [
        Event(
            key=f"phase-{status.transitions - ago}",
            action=f"Enter{entry.phase}",
            reason=entry.reason,
            message=f"{entry.phase}: {entry.message}",
            at=entry.at,
            warning=entry.reason in warnings,
        )
        for ago, entry in reversed(list(enumerate(reversed(status.timeline[-LATEST:]))))
    ]


def stalls(status: KindStatus[Any]) -> list[Event]:
    """Once a reason and generation."""
    return [
        Event(
            key=f"stalled-{condition.reason}-{condition.observed_generation}",
            action="Stall",
            reason=condition.reason,
            message=condition.message,
            at=condition.last_transition_time,
            warning=True,
        )
        for condition in status.conditions
        if (condition.type, condition.status) == ("Stalled", "True")
    ]
