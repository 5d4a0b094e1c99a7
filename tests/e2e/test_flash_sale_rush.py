"""Five thousand buyers at once for five hundred units, three times: never one too many."""

from __future__ import annotations

import pytest

from amazonlite_cli.shoppers.shopper import Outcome
from support.rush import NEARLY_ALL_BUYING, Rush, assert_kept, run_rush
from support.sales import FlashSales
from support.shop import Shop

# Five thousand shoppers take both processors: whatever ran beside them would be late, and so would they.
pytestmark = [pytest.mark.cluster, pytest.mark.serial]


@pytest.mark.parametrize("run", [1, 2, 3])
async def test_exactly_all_units_are_held_or_sold_and_none_twice(shop: Shop, sales: FlashSales, run: int) -> None:
    rush = Rush(buyers=5000, units=500, lasts=90, opens_in=9, mix=NEARLY_ALL_BUYING)
    ended = await run_rush(shop, sales, rush)
    await assert_kept(shop, rush, ended)
    most = max(view["stock"]["held"] + view["stock"]["sold"] for view in ended.samples.seen)
    assert most == rush.units, f"run {run}: at most {most} units were held or sold at once"
    assert ended.tally.outcomes[Outcome.BOUGHT] == ended.status["stock"]["sold"]
