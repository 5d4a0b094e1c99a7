"""A sale under a random schedule of faults, new with every run; SEED repeats one."""

from __future__ import annotations

import os
import random

import pytest

from support.faults.schedule import CALM_AT_THE_END, Schedule
from support.sales import FlashSales
from support.shop import Shop
from support.soak import SELLING_WITHIN, run_schedule
from support.trial import assert_no_order_lost

pytestmark = pytest.mark.cluster
# Of which a fault may strike in the first 20.
SECONDS = 20 + CALM_AT_THE_END


async def test_no_paid_order_is_lost_and_the_sale_goes_on(
    shop: Shop, sales: FlashSales, capsys: pytest.CaptureFixture[str]
) -> None:
    schedule = Schedule.random(int(os.environ.get("SEED") or random.randrange(2**31)), SECONDS)
    with capsys.disabled():  # the seed of a run that passed is wanted, too
        print(f"\n{schedule}")
    trial = await run_schedule(shop, sales, schedule)
    await assert_no_order_lost(shop, trial)
    assert trial.pace.seconds_until_selling_again <= SELLING_WITHIN, trial.pace
