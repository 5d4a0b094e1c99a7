"""Random faults in a random order, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from support.faults.fault import KILLS, Fault, Kind

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

    def __str__(self) -> str:
        lines = (f"  {timed.after:6.1f} s  {timed.fault}" for timed in self.faults)
        again = f"again: make soak SCHEDULES=1 SEED={self.seed} SECONDS_EACH={self.seconds:g}"
        return "\n".join([f"seed {self.seed}, {self.seconds:g} s:", *lines, again])


def _timed(rng: random.Random, end: float) -> Iterator[Timed]:
    at = FIRST_AFTER
    # The second kill of a container within ten minutes is answered by the kubelet with a pause of 10 s, the third with
    # 20 s: it would be its patience that is measured. So nothing is killed twice in a schedule.
    killed: set[str] = set()
    while True:
        # The first one kills, so that the shortest schedule does.
        fault = _fault(rng, killed) if killed else Fault(Kind.KILL, (rng.choice(SERVICES + STORES),))
        if at + fault.seconds > end:
            return
        yield Timed(round(at, 1), fault)
        if fault.kind in KILLS:
            killed |= set(fault.targets)
        at += fault.seconds + rng.uniform(4, 12)


def _fault(rng: random.Random, killed: set[str]) -> Fault:
    """One of those drawn, by their weights; a kill of what was killed before becomes a pause."""
    faults, weights = zip(*_drawn(rng), strict=True)
    fault: Fault = rng.choices(faults, weights)[0]
    if fault.kind in KILLS and not killed.isdisjoint(fault.targets):
        return Fault(Kind.PAUSE, fault.targets, _seconds(rng, 2, 8))
    return fault


def _drawn(rng: random.Random) -> list[tuple[Fault, int]]:
    """One fault of each kind, with its weight: kills, pauses and cuts have the most ways to go wrong."""
    return [
        (Fault(Kind.KILL, (rng.choice(SERVICES + STORES),)), 4),
        (Fault(Kind.KILL_ALL, ("inventory",)), 1),
        (Fault(Kind.PAUSE, (rng.choice(SERVICES + STORES),), _seconds(rng, 2, 8)), 3),
        (Fault(Kind.CUT, rng.choice(PAIRS), _seconds(rng, 3, 15)), 4),
        (Fault(Kind.AWAY, (rng.choice(("redis", "kafka")),), _seconds(rng, 8, 15)), 1),
        (Fault(Kind.EMPTY, ("redis",)), 1),
        (Fault(Kind.SET_BACK, ("redis",), _seconds(rng, 4, 8)), 1),
        (Fault(Kind.ROLL, (rng.choice(SERVICES),)), 1),
        (Fault(Kind.CONTROL_PLANE, (), _seconds(rng, 3, 8)), 1),
    ]


def _seconds(rng: random.Random, least: float, most: float) -> float:
    return round(rng.uniform(least, most), 1)
