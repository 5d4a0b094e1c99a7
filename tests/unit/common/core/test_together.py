"""Asks travel together, in order, and nobody waits for company."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from amazonlite.common.core.together import Together


class Carrier:
    """Doubles numbers; a flight lands when the test says so."""

    def __init__(self) -> None:
        self.flights: list[list[int]] = []
        self.land = asyncio.Event()

    async def serve(self, numbers: Sequence[int]) -> list[int]:
        self.flights.append(list(numbers))
        await self.land.wait()
        if 13 in numbers:
            raise ValueError("thirteen")
        return [2 * number for number in numbers]


def asking(together: Together[int, int], *numbers: int) -> list[asyncio.Task[int]]:
    return [asyncio.create_task(together.ask(number)) for number in numbers]


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_one_turn_brings_leaves_at_once_and_together() -> None:
    carrier = Carrier()
    asked = asking(Together(carrier.serve, at_most=10), 1, 2, 3)
    await turns()
    assert carrier.flights == [[1, 2, 3]]
    carrier.land.set()
    assert await asyncio.gather(*asked) == [2, 4, 6]


async def test_while_all_flights_are_under_way_the_next_one_gathers() -> None:
    carrier = Carrier()
    together = Together(carrier.serve, at_most=10, flights=1)
    asked = asking(together, 1)
    await turns()
    asked += asking(together, 2)
    await turns()
    asked += asking(together, 3)
    await turns()
    assert carrier.flights == [[1]]
    carrier.land.set()
    assert await asyncio.gather(*asked) == [2, 4, 6]
    assert carrier.flights == [[1], [2, 3]]


async def test_a_flight_takes_no_more_than_it_may() -> None:
    carrier = Carrier()
    carrier.land.set()
    assert await asyncio.gather(*asking(Together(carrier.serve, at_most=2), 1, 2, 3, 4, 5)) == [2, 4, 6, 8, 10]
    assert carrier.flights == [[1, 2], [3, 4], [5]]


async def test_a_failure_is_for_those_on_that_flight_only() -> None:
    carrier = Carrier()
    carrier.land.set()
    asked = asking(Together(carrier.serve, at_most=2), 1, 13, 3)
    assert [type(one) for one in await asyncio.gather(*asked, return_exceptions=True)] == [ValueError, ValueError, int]


async def test_who_goes_away_takes_nobody_along() -> None:
    carrier = Carrier()
    gone, stays = asking(Together(carrier.serve, at_most=10), 1, 2)
    await turns()
    gone.cancel()
    carrier.land.set()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_an_answer_missing_is_an_error_not_a_wait_for_ever() -> None:
    async def forgetful(numbers: Sequence[int]) -> list[int]:
        return list(numbers)[1:]

    async with asyncio.timeout(5):
        answers = await asyncio.gather(*asking(Together(forgetful, at_most=10), 1, 2), return_exceptions=True)
    assert ValueError in {type(answer) for answer in answers}
