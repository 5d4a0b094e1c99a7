from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import pytest

from amazonlite.common.core.ids import derive_id, new_id, time_of

SHAPE = re.compile(r"ord_[0-9a-hjkmnp-tv-z]{26}")


def test_new_ids_have_the_prefix_and_a_ulid() -> None:
    found = {new_id("ord") for _ in range(1000)}
    assert len(found) == 1000
    assert all(SHAPE.fullmatch(id) for id in found)


def test_later_ids_sort_behind_earlier_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for second in (1, 2, 1_700_000_000, 4_000_000_000):
        monkeypatch.setattr(time, "time_ns", lambda second=second: second * 10**9)
        found.append(new_id("ord"))
    assert found == sorted(found)


def test_a_derived_id_is_the_same_for_the_same_parts_only() -> None:
    assert derive_id("ord", "a", "b") == derive_id("ord", "a", "b")
    assert SHAPE.fullmatch(derive_id("ord", "a"))
    others = {
        derive_id("ord", "ab"),
        derive_id("ord", "a", "b"),
        derive_id("ord", "b", "a"),
        derive_id("ord", "", "ab"),
    }
    assert len(others) == 4
    assert derive_id("pay", "a")[4:] != derive_id("ord", "a")[4:]


def test_an_id_tells_when_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
    monkeypatch.setattr(time, "time_ns", lambda: int(moment.timestamp() * 1000) * 1_000_000)
    assert time_of(new_id("ord")) == moment


@pytest.mark.parametrize("id", ["", "ord_", "ord_short", "ord_" + "u" * 26, "ord_" + "z" * 26, "ORD"])
def test_what_is_no_such_id_tells_no_time(id: str) -> None:
    assert time_of(id) is None
