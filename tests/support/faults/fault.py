"""The faults there are: what strikes whom, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """KILL and KILL_ALL are over at once, ROLL when it is done, the others after their seconds."""

    KILL = "kill one"
    KILL_ALL = "kill all"
    PAUSE = "pause"
    CUT = "cut"
    AWAY = "away"
    EMPTY = "empty"
    SET_BACK = "set back"
    ROLL = "roll"
    CONTROL_PLANE = "control plane away"


KILLS = frozenset({FaultKind.KILL, FaultKind.KILL_ALL})
# What inventory needs to give units of an unpaid hold back: while one of these is struck, a hold may be overdue.
GIVES_BACK = frozenset({"inventory", "payment", "mysql"})
ROLL_SECONDS = 15.0  # six for new pods to be Ready, a few for the old ones to be asked no more


@dataclass(frozen=True, slots=True)
class Fault:
    """``targets`` are names of workloads: two for CUT, none for CONTROL_PLANE."""

    kind: FaultKind
    targets: tuple[str, ...] = ()
    seconds: float = 0.0

    def __str__(self) -> str:
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return " ".join([self.kind, " from ".join(self.targets)]).strip() + lasting

    @property
    def takes(self) -> float:
        """Seconds until it is over, of a rolling restart about."""
        return ROLL_SECONDS if self.kind is FaultKind.ROLL else self.seconds

    @property
    def delays_returns(self) -> bool:
        """Whether unpaid holds may be given back late on its account."""
        return not GIVES_BACK.isdisjoint(self.targets)
