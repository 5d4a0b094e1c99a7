"""An operator that lost its lease changes nothing that its successor has touched."""

from __future__ import annotations

import pytest

from amazonlite.common.core.operator_step import OperatorStep, StaleFence


@pytest.mark.parametrize("seen", [0, 6, 7])
def test_the_leader_and_its_repeats_are_let_through(seen: int) -> None:
    OperatorStep("uid:open", 7).check(seen, about="sale")


def test_an_older_fence_is_refused_and_told_what_was_seen() -> None:
    with pytest.raises(StaleFence) as refused:
        OperatorStep("uid:open", 6).check(7, about="index")
    assert (refused.value.code, refused.value.extra) == ("stale_fence", {"fence": 7})
    assert refused.value.detail == "The index has seen the fencing token 7."
