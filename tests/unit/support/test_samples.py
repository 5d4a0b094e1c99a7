"""A watch finds broken books, holds given back late, and its own gaps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from support.samples import Samples, Snapshot

COUNTERS = (10, 4, 3, 3, 0)
GOOD = Snapshot(COUNTERS, COUNTERS, held=3, sold=3, overdue=0.0, most_of_a_customer=1)
VIEW: dict[str, Any] = {"queue": {"active": 2}}


def taken(*snapshots: Snapshot | None, payments: bool = True) -> Samples:
    samples = Samples(10)
    for second, snapshot in enumerate(snapshots):
        samples.take(snapshot, VIEW, payments=payments, at=100.0 + second)
    return samples


def test_good_books_break_no_rule() -> None:
    assert taken(GOOD, GOOD).broken == []


@pytest.mark.parametrize(
    "changes",
    [
        {"counters": (10, 5, 3, 3, 0), "by_ledger": (10, 5, 3, 3, 0)},
        {"counters": (11, 4, 4, 3, 0), "by_ledger": (11, 4, 4, 3, 0)},
        {"counters": (12, 1, 8, 3, 0), "by_ledger": (12, 1, 8, 3, 0), "held": 8},
        {"held": 4},
        {"by_ledger": (10, 3, 4, 3, 0)},
        {"most_of_a_customer": 2},
    ],
)
def test_bad_books_break_a_rule(changes: dict[str, Any]) -> None:
    assert taken(replace(GOOD, **changes)).broken


def test_an_overdue_hold_is_late_while_everything_works() -> None:
    assert taken(*[GOOD] * 10, *(replace(GOOD, overdue=float(late)) for late in range(1, 7))).most_late == 6.0


def test_a_missed_answer_now_and_then_excuses_no_more_than_its_own_time() -> None:
    late: list[Snapshot | None] = [replace(GOOD, overdue=float(seconds)) for seconds in range(1, 61)]
    late[4::5] = [None] * 12
    assert taken(*[GOOD] * 10, *late).most_late > 30


def test_it_is_late_from_when_everything_answers_again() -> None:
    samples = taken(*[GOOD] * 10, None, replace(GOOD, overdue=60.0), replace(GOOD, overdue=61.0))
    assert samples.most_late == 1.0


def test_nothing_is_late_while_payment_does_not_answer() -> None:
    assert taken(*[replace(GOOD, overdue=60.0)] * 10, payments=False).most_late == 0.0


def test_nothing_is_late_while_a_fault_keeps_it_from_being_given_back() -> None:
    samples = Samples(10)
    with samples.returns_delayed():
        samples.take(replace(GOOD, overdue=60.0), VIEW, payments=True, at=100.0)
    assert samples.most_late == 0.0


def test_a_watch_that_did_not_look_has_a_gap_and_one_without_answers_is_blind() -> None:
    samples = taken(GOOD, None, None, GOOD)
    assert (samples.longest_gap, samples.longest_unseen) == (1.0, 3.0)
    assert Samples(10).longest_gap == float("inf")
