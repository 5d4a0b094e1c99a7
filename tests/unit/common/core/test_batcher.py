"""Calls are served in batches, in order, and none waits for others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from amazonlite.common.core.batcher import Batcher


class Server:
    """Doubles numbers; a batch is answered when the test says so."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.answer = asyncio.Event()

    async def serve(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        await self.answer.wait()
        if 13 in numbers:
            raise ValueError("thirteen")
        return [2 * number for number in numbers]


def asking(batcher: Batcher[int, int], *numbers: int) -> list[asyncio.Task[int]]:
    return [asyncio.create_task(batcher.ask(number)) for number in numbers]


async def iterations(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_one_iteration_brings_is_one_batch_at_once() -> None:
    server = Server()
    asked = asking(Batcher(server.serve, at_most=10), 1, 2, 3)
    await iterations()
    assert server.batches == [[1, 2, 3]]
    server.answer.set()
    assert await asyncio.gather(*asked) == [2, 4, 6]


async def test_while_all_batches_are_in_flight_the_next_one_gathers() -> None:
    server = Server()
    batcher = Batcher(server.serve, at_most=10, in_flight=1)
    asked = asking(batcher, 1)
    await iterations()
    asked += asking(batcher, 2)
    await iterations()
    asked += asking(batcher, 3)
    await iterations()
    assert server.batches == [[1]]
    server.answer.set()
    assert await asyncio.gather(*asked) == [2, 4, 6]
    assert server.batches == [[1], [2, 3]]


async def test_a_batch_takes_no_more_than_it_may() -> None:
    server = Server()
    server.answer.set()
    assert await asyncio.gather(*asking(Batcher(server.serve, at_most=2), 1, 2, 3, 4, 5)) == [2, 4, 6, 8, 10]
    assert server.batches == [[1, 2], [3, 4], [5]]


async def test_a_failure_is_for_those_of_that_batch_only() -> None:
    server = Server()
    server.answer.set()
    asked = asking(Batcher(server.serve, at_most=2), 1, 13, 3)
    assert [type(one) for one in await asyncio.gather(*asked, return_exceptions=True)] == [ValueError, ValueError, int]


async def test_a_caller_that_goes_away_cancels_no_other() -> None:
    server = Server()
    gone, stays = asking(Batcher(server.serve, at_most=10), 1, 2)
    await iterations()
    gone.cancel()
    server.answer.set()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_an_answer_missing_is_an_error_not_a_wait_for_ever() -> None:
    async def forgetful(numbers: Sequence[int]) -> list[int]:
        return list(numbers)[1:]

    async with asyncio.timeout(5):
        answers = await asyncio.gather(*asking(Batcher(forgetful, at_most=10), 1, 2), return_exceptions=True)
    assert ValueError in {type(answer) for answer in answers}
