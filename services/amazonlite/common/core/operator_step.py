"""The operator's steps: each is repeatable under its key, and refused once a newer operator has spoken.

Expected flow, in the service that takes a step on some object: lock the object's row; `step.check` the highest fence
that the row has seen; do the work; store `step.fence` and `step.key` in the same transaction.

Guarantees: an operator that lost its lease, and goes on because it does not know, changes nothing that its successor
has touched. Assumes that the fence grows with every change of the lease's holder and that rows keep the highest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from amazonlite.common.core.errors import Conflict

# The fence comes from a Lease's leaseTransitions; above what that can hold, nobody could ever lead again.
MOST_TRANSITIONS = 2**31 - 1


class StaleFence(Conflict):
    """A newer operator has spoken; whoever gets this is no longer the leader and stops."""

    code: ClassVar[str] = "stale_fence"
    title: ClassVar[str] = "Stale fence"

    def __init__(self, about: str, fence: int) -> None:
        super().__init__(f"The {about} has seen the fencing token {fence}.", fence=fence)


@dataclass(frozen=True, slots=True)
class OperatorStep:
    """``key`` names the step (CR uid and step), ``fence`` is the fencing number of the operator's lease."""

    key: str
    fence: int

    def check(self, seen: int, *, about: str) -> None:
        """StaleFence where a newer operator has acted: ``seen`` is the highest fence that the object has met."""
        if self.fence < seen:
            raise StaleFence(about, seen)
