"""A sale is deleted in the moment in which forty customers have been told that they paid: they keep what they paid."""

from __future__ import annotations

import asyncio
import time

import pytest

from amazonlite.common.testing.eventually import eventually
from amazonlite_cli.shoppers.api import ShopApi
from support.buyer import Buyer
from support.faults.node import Node
from support.history.check import Evidence, anomalies
from support.history.record import History
from support.history.rows import dead_letters
from support.runs import RUNS
from support.rush import at_rest
from support.sales import FlashSales, sale_spec
from support.samples import snapshot_of
from support.shop import GATEWAY, Shop

pytestmark = pytest.mark.cluster
UNITS, PAYING, IN_STOCK = 80, 40, 160


@pytest.mark.parametrize("run", RUNS)
async def test_what_was_just_paid_stays_sold_and_the_rest_is_back(shop: Shop, sales: FlashSales, run: int) -> None:
    dead_before = await asyncio.to_thread(dead_letters)
    sku = await shop.stocked_product(on_hand=IN_STOCK)
    name = sales.apply(sale_spec(sku, UNITS, opens_in=4, lasts=120, holdTTL="60s"))
    sale = sales.sale_id(name)
    tokens = await shop.shoppers([f"syn_{name}-{number:02d}" for number in range(PAYING)])
    history = History({token: customer for customer, token in tokens.items()})
    api = ShopApi(shop.session, GATEWAY, observe=history.observe)
    buyers = [Buyer(api, sale, who, token, time.monotonic() + 60) for who, token in tokens.items()]
    await sales.in_phase(name, "Live", within=60)
    await asyncio.gather(*(buyer.ready_to_pay() for buyer in buyers))

    node = Node()
    with node.paused(node.containers("kafka")):  # nobody but payment hears of the payments before the sale is deleted
        paid = await asyncio.gather(*(buyer.pay() for buyer in buyers))
        before = await asyncio.to_thread(snapshot_of, sale)
        await asyncio.to_thread(sales.resources.delete, name)

    assert before and (before.held, before.sold) == (PAYING, 0)
    assert {answer.body["state"] for answer in paid} <= {"AUTHORIZED", "CAPTURED"}
    await eventually(lambda: sales.resources.get(name) is None, within=60, every=0.25, what="the sale deleted")
    rows = await at_rest(sale)
    evidence = Evidence(history, rows, dead_before, await asyncio.to_thread(dead_letters))
    print({"run": run, "paid": len(history.authorized), "sold": rows.sale.sold, "returned": rows.sale.returned})
    assert not (found := anomalies(evidence)), "\n".join(map(str, found[:10]))
    assert (rows.sale.sold, rows.sale.returned) == (PAYING, UNITS - PAYING)
    assert (rows.sale.on_hand, rows.sale.available, rows.sale.reserved) == (IN_STOCK - PAYING, IN_STOCK - PAYING, 0)
