from __future__ import annotations

import re
import time

import pytest

from amazonlite.common.core.ids import derive_id, new_id

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
