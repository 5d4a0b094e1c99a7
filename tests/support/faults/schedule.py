"""Random faults in a random order, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from support.faults.fault import KILLS, Fault, FaultKind

SERVICES = ("inventory", "order", "payment", "gateway", "product")
STORES = ("mysql", "redis", "kafka", "mongodb")
PAIRS = (
    *product(("inventory", "order", "payment"), ("mysql", "kafka")),
    *product(("gateway",), ("inventory", "order", "payment", "redis")),
    ("inventory", "redis"),
    ("inventory", "payment"),
    ("order", "payment"),
    ("order", "inventory"),
)
FIRST_AFTER = 4.0
# Between the last fault's end and the end of the sale, so that how soon it sells again can be seen.
CALM_AT_THE_END = 35.0


@dataclass(frozen=True, slots=True)
class Timed:
    """A fault, and how many seconds after the first unit was held it strikes at the earliest."""

    after: float
    fault: Fault


@dataclass(frozen=True, slots=True)
class Schedule:
    """Faults one after the other."""

    seed: int
    seconds: float
    faults: tuple[Timed, ...]

    @classmethod
    def random(cls, seed: int, seconds: float) -> Schedule:
        """As many faults as fit into ``seconds``; the same seed and seconds give the same."""
        rng = random.Random(seed)
        return cls(seed, seconds, tuple(_timed(rng, seconds - CALM_AT_THE_END)))

    def fits(self, fault: Fault, at: float) -> bool:
        """Whether there is still a calm after it, when the faults before took longer than was foreseen."""
        return at + fault.takes <= self.seconds - CALM_AT_THE_END

    def __str__(self) -> str:
        lines = (f"  {timed.after:6.1f} s  {timed.fault}" for timed in self.faults)
        again = f"again: make soak SCHEDULES=1 SEED={self.seed} SECONDS_EACH={self.seconds:g}"
        return "\n".join([f"seed {self.seed}, {self.seconds:g} s:", *lines, again])


def _timed(rng: random.Random, end: float) -> Iterator[Timed]:
    at = FIRST_AFTER
    # The second kill of a container within ten minutes is answered by the kubelet with a pause of 10 s, the third with
    # 20 s; and when the control plane goes away again within two minutes, kubelet and kube-proxy pause for up to a
    # minute before they watch it again. It would be their patience that is measured, so each is struck so only once.
    struck: set[str] = set()
    while True:
        # The first one kills, so that the shortest schedule does.
        fault = _fault(rng, struck) if struck else Fault(FaultKind.KILL, (rng.choice(SERVICES + STORES),))
        if at + fault.takes > end:
            return
        yield Timed(round(at, 1), fault)
        struck |= _once(fault)
        at += fault.takes + rng.uniform(4, 12)


def _fault(rng: random.Random, struck: set[str]) -> Fault:
    """One of those drawn, by their weights; what would strike a second time becomes a pause."""
    faults, weights = zip(*_drawn(rng), strict=True)
    fault: Fault = rng.choices(faults, weights)[0]
    if struck.isdisjoint(_once(fault)):
        return fault
    return Fault(FaultKind.PAUSE, fault.targets or (rng.choice(SERVICES),), _seconds(rng, 2, 8))


def _once(fault: Fault) -> set[str]:
    """Names of what is not struck in this way a second time."""
    if fault.kind is FaultKind.CONTROL_PLANE:
        return {"control plane"}
    return set(fault.targets) if fault.kind in KILLS else set()


def _drawn(rng: random.Random) -> list[tuple[Fault, int]]:
    """One fault of each kind, with its weight: kills, pauses and cuts have the most ways to go wrong."""
    return [
        (Fault(FaultKind.KILL, (rng.choice(SERVICES + STORES),)), 4),
        (Fault(FaultKind.KILL_ALL, ("inventory",)), 1),
        (Fault(FaultKind.PAUSE, (rng.choice(SERVICES + STORES),), _seconds(rng, 2, 8)), 3),
        (Fault(FaultKind.CUT, rng.choice(PAIRS), _seconds(rng, 3, 15)), 4),
        (Fault(FaultKind.AWAY, (rng.choice(("redis", "kafka")),), _seconds(rng, 8, 15)), 1),
        (Fault(FaultKind.EMPTY, ("redis",)), 1),
        (Fault(FaultKind.SET_BACK, ("redis",), _seconds(rng, 4, 8)), 1),
        (Fault(FaultKind.ROLL, (rng.choice(SERVICES),)), 1),
        (Fault(FaultKind.CONTROL_PLANE, (), _seconds(rng, 3, 8)), 1),
    ]


def _seconds(rng: random.Random, least: float, most: float) -> float:
    return round(rng.uniform(least, most), 1)
