"""A crowd is the same for the same seed, keeps the shares of its mix, and its timings are those of answered calls."""

from __future__ import annotations

from collections import Counter

import pytest

from amazonlite_cli.shoppers.crowd import DEFAULT_MIX, Tally, plans
from amazonlite_cli.shoppers.shopper import Plan


def test_the_same_seed_sends_the_same_crowd_and_another_seed_another() -> None:
    crowd = plans(200, DEFAULT_MIX, seed=7)
    assert plans(200, DEFAULT_MIX, seed=7) == crowd
    assert plans(200, DEFAULT_MIX, seed=8) != crowd


def test_a_longer_crowd_begins_as_the_shorter_one() -> None:
    assert plans(300, DEFAULT_MIX, seed=7)[:200] == plans(200, DEFAULT_MIX, seed=7)


def test_the_default_mix_names_every_plan_and_shares_out_the_whole() -> None:
    assert set(DEFAULT_MIX) == set(Plan)
    assert sum(DEFAULT_MIX.values()) == pytest.approx(1)


@pytest.mark.parametrize("seed", range(5))
def test_a_crowd_keeps_the_shares_of_its_mix(seed: int) -> None:
    counts = Counter(plans(10_000, DEFAULT_MIX, seed))
    for plan, share in DEFAULT_MIX.items():
        assert counts[plan] / 10_000 == pytest.approx(share, abs=0.02)


def test_weights_need_not_add_up_to_one() -> None:
    counts = Counter(plans(10_000, {Plan.PAY: 3, Plan.TWICE: 1}, seed=7))
    assert counts[Plan.PAY] / counts[Plan.TWICE] == pytest.approx(3, abs=0.3)


def test_a_plan_without_a_share_is_never_drawn() -> None:
    assert set(plans(1_000, {Plan.PAY: 1.0, Plan.DECLINED: 0.0}, seed=7)) == {Plan.PAY}


def test_nobody_is_an_empty_crowd() -> None:
    assert plans(0, DEFAULT_MIX, seed=7) == []


@pytest.mark.parametrize(("share", "seconds"), [(0.0, 1.0), (0.5, 51.0), (0.95, 96.0), (0.99, 100.0), (1.0, 100.0)])
def test_the_share_asked_for_stayed_below_the_percentile(share: float, seconds: float) -> None:
    shuffled = [float(number * 37 % 101) for number in range(1, 101)]
    tally = Tally(timings=[("claim", each, 200) for each in shuffled])
    assert tally.percentile("claim", share) == seconds


def test_calls_of_another_label_and_calls_without_an_answer_are_left_out() -> None:
    tally = Tally(timings=[("claim", 1.0, 201), ("claim", 20.0, 0), ("pay", 9.0, 200), ("claim", 2.0, 503)])
    assert tally.percentile("claim", 1.0) == 2.0


def test_no_answered_call_has_no_percentile() -> None:
    assert Tally(timings=[("claim", 20.0, 0)]).percentile("claim", 0.95) == 0.0
