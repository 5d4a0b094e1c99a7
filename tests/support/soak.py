"""A sale that never runs out of units while a random schedule of faults strikes it."""

from __future__ import annotations

from support.cluster import Cluster
from support.faults.inject import Injector, renewed
from support.faults.schedule import Schedule
from support.rush import ALSO_REFUSED, Rush
from support.sales import FlashSales
from support.shop import Shop
from support.trial import Trial, run_trial

UNITS_PER_SECOND = 8
SELLING_WITHIN = 20.0


async def run_schedule(shop: Shop, sales: FlashSales, schedule: Schedule) -> Trial:
    """The sale is open for as long as the schedule lasts; admission lets in fewer than there are units."""
    await renewed(Cluster(), (timed.fault for timed in schedule.faults))

    async def disturb(injector: Injector) -> None:
        await injector.run(schedule)

    return await run_trial(shop, sales, rush_for(schedule.seconds), disturb)


def rush_for(seconds: float) -> Rush:
    units = round(UNITS_PER_SECOND * (seconds + 15))
    return Rush(
        buyers=round(units * 1.2),
        units=units,
        lasts=seconds,
        max_active=80,
        rate=UNITS_PER_SECOND,
        arrival=seconds,
        opens_in=6,
        returning=True,
        connections=1000,
        mix=ALSO_REFUSED,
    )
