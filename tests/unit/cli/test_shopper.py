"""A shopper in the queue asks when the shop wants to be asked, or within a second once hurried."""

from __future__ import annotations

import asyncio
import time

from amazonlite_cli.shoppers.api import Answer, ShopApi
from amazonlite_cli.shoppers.shopper import Outcome, Plan, Shopper


class Queue(ShopApi):
    """Lets everybody wait for a minute, and has closed when asked again."""

    def __init__(self) -> None:
        self.joined = asyncio.Event()

    async def persist(self, method: str, path: str, *, label: str, deadline: float, **call: object) -> Answer:
        if label == "poll":
            return Answer(200, {"state": "CLOSED"}, 0.0)
        self.joined.set()
        return Answer(201, {"ticket": "t", "state": "WAITING", "pollAfterSeconds": 60}, 0.0)


async def test_a_hurried_shopper_learns_at_once_that_the_sale_is_over() -> None:
    api = Queue()
    shopper = Shopper(api, "fs_1", "ann", "token", Plan.PAY, time.monotonic() + 90, lambda _step: None)
    visit = asyncio.create_task(shopper.visit())
    await api.joined.wait()
    shopper.hurried.set()
    async with asyncio.timeout(5):
        assert await visit is Outcome.SOLD_OUT
    assert shopper.over
