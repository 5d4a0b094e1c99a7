"""The provider authorises payments and then does not hand the money over, of units that were the last of a sale."""

from __future__ import annotations

import pytest

from amazonlite_cli.shoppers.crowd import Crowd
from amazonlite_cli.shoppers.shopper import Outcome, Plan
from support.sales import FlashSales, sale_spec
from support.shop import GATEWAY, Shop

pytestmark = pytest.mark.cluster
PLANS = [Plan.PAY] * 4 + [Plan.CAPTURE_REFUSED] * 4
UNITS = len(PLANS)


async def test_their_customers_are_told_and_the_sale_settles_with_the_units_back_in_stock(
    shop: Shop, sales: FlashSales
) -> None:
    sku = await shop.stocked_product(on_hand=UNITS)
    name = sales.apply(sale_spec(sku, UNITS, opens_in=3, lasts=30))
    await sales.in_phase(name, "Queueing", "Live", within=60)
    tokens = await shop.shoppers([f"syn_{name}-{number}" for number in range(UNITS)])

    tally = await Crowd(GATEWAY, sales.sale_id(name), tokens, PLANS, patience_seconds=60.0).run()

    assert tally.outcomes == {Outcome.BOUGHT: 4, Outcome.CAPTURE_REFUSED: 4}
    status = await sales.in_phase(name, "Settled", "Aborted", "Failed", within=150)
    assert (status["phase"], status["stock"]["sold"]) == ("Settled", 4), status
    assert sales.condition(name, "PaidOrdersKept")["status"] == "True"
    general = await shop.stock(sku)
    assert (general["onHand"], general["available"], general["reserved"]) == (4, 4, 0)
