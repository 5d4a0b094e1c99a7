"""Lines alike are told by a few of them and a count; one of another kind is never withheld for them."""

from __future__ import annotations

from amazonlite.common.http.sampling import WITHHELD, Sampler
from amazonlite.common.testing.fakes import FakeClock


def test_a_burst_is_told_then_a_line_a_second_that_says_what_was_withheld() -> None:
    clock = FakeClock()
    sampler = Sampler("test", burst=3, per_second=1, now=clock.monotonic)
    before = WITHHELD.labels("test")._value.get()
    assert [sampler.admit("429") for _ in range(10)] == [0, 0, 0, *[None] * 7]
    assert sampler.admit("500") == 0
    clock.advance(1)
    assert [sampler.admit("429") for _ in range(2)] == [7, None]
    assert WITHHELD.labels("test")._value.get() - before == 8


def test_a_quiet_kind_has_its_whole_burst_again() -> None:
    clock = FakeClock()
    sampler = Sampler("test", burst=2, per_second=1, now=clock.monotonic)
    assert [sampler.admit("a") for _ in range(3)] == [0, 0, None]
    clock.advance(60)
    assert [sampler.admit("a") for _ in range(3)] == [1, 0, None]
