"""A schedule is the same for the same seed, fits into its time, and kills no container twice."""

from __future__ import annotations

from collections import Counter
from itertools import chain, pairwise

import pytest

from support.faults.fault import KILLS, Fault, FaultKind
from support.faults.schedule import CALM_AT_THE_END, Schedule

SEEDS = range(200)


def test_the_same_seed_gives_the_same_faults_and_another_seed_others() -> None:
    assert Schedule.random(7, 300) == Schedule.random(7, 300)
    assert Schedule.random(7, 300).faults != Schedule.random(8, 300).faults


@pytest.mark.parametrize("seconds", [60, 300])
def test_faults_follow_each_other_and_end_before_the_calm(seconds: float) -> None:
    for seed in SEEDS:
        faults = Schedule.random(seed, seconds).faults
        assert faults, seed
        assert all(later.after > earlier.after + earlier.fault.seconds for earlier, later in pairwise(faults))
        assert faults[-1].after + faults[-1].fault.seconds <= seconds - CALM_AT_THE_END + 0.1


def test_nothing_is_killed_twice() -> None:
    for seed in SEEDS:
        faults = [timed.fault for timed in Schedule.random(seed, 300).faults]
        killed = Counter(chain.from_iterable(fault.targets for fault in faults if fault.kind in KILLS))
        assert max(killed.values(), default=0) <= 1, seed
        assert sum(fault.kind is FaultKind.CONTROL_PLANE for fault in faults) <= 1, seed


def test_what_begins_too_late_for_a_calm_after_it_no_longer_fits() -> None:
    schedule = Schedule(1, 300, ())
    fault = Fault(FaultKind.PAUSE, ("order",), 5.0)
    assert schedule.fits(fault, 300 - CALM_AT_THE_END - 5)
    assert not schedule.fits(fault, 300 - CALM_AT_THE_END - 4)


def test_every_kind_of_fault_is_drawn() -> None:
    drawn = {timed.fault.kind for seed in SEEDS for timed in Schedule.random(seed, 300).faults}
    assert drawn == set(FaultKind)


def test_it_prints_its_seed_every_fault_and_the_command_that_repeats_it() -> None:
    schedule = Schedule.random(7, 60)
    first, *lines, last = str(schedule).splitlines()
    assert "seed 7" in first
    assert len(lines) == len(schedule.faults)
    assert last == "again: make soak SCHEDULES=1 SEED=7 SECONDS_EACH=60"
