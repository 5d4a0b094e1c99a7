"""The breaker lets a failing target rest, and lets one call find out whether it is back."""

from __future__ import annotations

from amazonlite.common.http.breaker import Breaker
from amazonlite.common.http.retry_budget import RetryBudget
from amazonlite.common.testing.fakes import FakeClock


def opened(clock: FakeClock) -> Breaker:
    breaker = Breaker(clock, failures=3, pause=5)
    for _ in range(3):
        assert breaker.allows()
        breaker.failed()
    return breaker


def test_failures_in_a_row_open_it() -> None:
    breaker = opened(FakeClock())
    assert breaker.state == "open"
    assert not breaker.allows()
    assert breaker.seconds_left == 5


def test_a_clock_that_is_set_back_does_not_keep_it_open() -> None:
    clock = FakeClock()
    breaker = opened(clock)
    clock.set_back(3600)
    assert breaker.seconds_left == 5
    clock.advance(5)
    assert breaker.allows()


def test_a_success_in_between_starts_the_count_anew() -> None:
    breaker = Breaker(FakeClock(), failures=3)
    for outcome in (breaker.failed, breaker.failed, breaker.succeeded, breaker.failed, breaker.failed):
        outcome()
    assert breaker.state == "closed"


def test_after_the_pause_one_probe_may_go() -> None:
    clock = FakeClock()
    breaker = opened(clock)
    clock.advance(5)
    assert breaker.state == "half-open"
    assert breaker.allows()
    assert not breaker.allows()


def test_the_probe_decides() -> None:
    clock = FakeClock()
    breaker = opened(clock)
    clock.advance(5)
    breaker.allows()
    breaker.failed()
    assert breaker.seconds_left == 5
    clock.advance(5)
    breaker.allows()
    breaker.succeeded()
    assert breaker.state == "closed"


def test_an_abandoned_probe_leaves_room_for_the_next() -> None:
    clock = FakeClock()
    breaker = opened(clock)
    clock.advance(5)
    breaker.allows()
    breaker.abandoned()
    assert breaker.allows()


def test_retries_are_a_tenth_of_the_calls() -> None:
    budget = RetryBudget(share=0.1, most=2)
    assert [budget.take() for _ in range(3)] == [True, True, False]
    for _ in range(11):
        budget.called()
    assert [budget.take() for _ in range(2)] == [True, False]
