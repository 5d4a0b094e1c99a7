"""Two sales: one is sold while Kafka is away, the other while the operator is killed in every phase of it.

Kafka's minute of absence is waited for once only: the operator and the phases that it takes a sale through need no
Kafka before the sale drains. ROWS=all runs each by itself, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest

from support.kafka_away import sell_without_kafka
from support.operator_killed import sell_with_the_operator_killed_in_every_phase
from support.runs import ALL_ROWS
from support.sales import FlashSales
from support.shop import Shop

pytestmark = pytest.mark.cluster
Sell = Callable[[Shop, FlashSales], Awaitable[None]]
BOTH: Mapping[str, tuple[Sell, ...]] = {
    "kafka-away-and-operator-killed": (sell_without_kafka, sell_with_the_operator_killed_in_every_phase)
}
EACH: Mapping[str, tuple[Sell, ...]] = {
    "kafka-away": (sell_without_kafka,),
    "operator-killed": (sell_with_the_operator_killed_in_every_phase,),
}
CASES = {**BOTH, **EACH} if ALL_ROWS else BOTH


@pytest.mark.parametrize("each_sells", CASES.values(), ids=CASES)
async def test_every_sale_keeps_what_it_promised(shop: Shop, sales: FlashSales, each_sells: tuple[Sell, ...]) -> None:
    ended = await asyncio.gather(*(sell(shop, sales) for sell in each_sells), return_exceptions=True)
    failed = [end for end in ended if isinstance(end, BaseException)]
    if failed:
        raise BaseExceptionGroup("sales that broke a promise", failed)
