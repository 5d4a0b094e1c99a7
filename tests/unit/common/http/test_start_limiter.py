"""A burst starts a few at a time, in order."""

from __future__ import annotations

import asyncio

from amazonlite.common.http.start_limiter import StartLimiter


class Crowd:
    def __init__(self, width: int) -> None:
        self.limiter = StartLimiter(width)
        self.inside: list[int] = []

    async def visit(self, number: int) -> None:
        await self.limiter.wait()
        self.inside.append(number)

    def arrive(self, *numbers: int) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self.visit(number)) for number in numbers]


async def test_who_comes_alone_does_not_wait() -> None:
    crowd = Crowd(2)
    for number in range(5):
        arrived = crowd.arrive(number)
        await asyncio.sleep(0)
        assert crowd.inside[-1] == number
        await asyncio.gather(*arrived)
        await asyncio.sleep(0)


async def test_a_burst_comes_in_a_few_at_a_time_and_in_order() -> None:
    crowd = Crowd(3)
    arrived = crowd.arrive(*range(10))
    seen = []
    while len(crowd.inside) < 10:
        await asyncio.sleep(0)
        seen.append(len(crowd.inside))
    await asyncio.gather(*arrived)
    assert crowd.inside == list(range(10))
    assert max(after - before for before, after in zip([0, *seen], seen, strict=False)) <= 3
    assert len(set(seen)) >= 4


async def test_nobody_overtakes_those_who_wait() -> None:
    crowd = Crowd(1)
    arrived = crowd.arrive(0, 1, 2)
    await asyncio.sleep(0)
    arrived += crowd.arrive(3)
    await asyncio.gather(*arrived)
    assert crowd.inside == [0, 1, 2, 3]


async def test_who_goes_away_leaves_the_place_to_the_next() -> None:
    crowd = Crowd(1)
    first, gone, last = crowd.arrive(0, 1, 2)
    await asyncio.sleep(0)
    gone.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(first, last)
    assert crowd.inside == [0, 2]
