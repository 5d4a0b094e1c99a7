"""Networks take turns at the hashing threads; whoever sends many waits behind himself only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from amazonlite.auth import sign_in_queue
from amazonlite.auth.sign_in_queue import SignInBusy, SignInQueue
from amazonlite.common.core.tasks import stop
from amazonlite.common.testing.eventually import eventually


class Crowd:
    """Sign-ins under way; `release` lets the first that is worked on end."""

    def __init__(self, queue: SignInQueue) -> None:
        self.began: list[str] = []
        self.refused: list[str] = []
        self._queue, self._tasks = queue, list[asyncio.Task[None]]()
        self._ends = asyncio.Semaphore(0)

    async def arrives(self, *networks: str) -> None:
        self._tasks += [asyncio.create_task(self._one(network)) for network in networks]
        await settled()

    async def release(self, count: int = 1) -> None:
        for _ in range(count):
            self._ends.release()
            await settled()

    async def leaves(self, number: int) -> None:
        await stop([self._tasks[number]])
        await settled()

    async def stop(self) -> None:
        await stop(self._tasks)

    async def _one(self, network: str) -> None:
        try:
            async with self._queue.turn(network):
                self.began.append(network)
                await self._ends.acquire()
        except SignInBusy:
            self.refused.append(network)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
async def crowd() -> AsyncIterator[Crowd]:
    crowd = Crowd(SignInQueue(width=1, most_waiting=6, most_each=4))
    yield crowd
    await crowd.stop()


async def test_a_network_that_sends_many_waits_for_itself_only(crowd: Crowd) -> None:
    await crowd.arrives("a", "a", "a", "a", "b", "c")
    await crowd.release(5)
    assert crowd.began == ["a", "a", "b", "c", "a", "a"]


async def test_all_networks_of_an_ipv6_customer_wait_in_one_line(crowd: Crowd) -> None:
    first, second, third, other = (f"2001:db8:{part}::/64" for part in ("1:1", "1:2", "1:ffff", "2:1"))
    await crowd.arrives(first, second, third, other, "203.0.113.7")
    await crowd.release(4)
    assert crowd.began == [first, second, other, "203.0.113.7", third]


async def test_an_ipv6_customer_has_no_more_places_than_anyone(crowd: Crowd) -> None:
    await crowd.arrives("a", *(f"2001:db8:1:{part}::/64" for part in range(5)))
    assert crowd.refused == ["2001:db8:1:4::/64"]


async def test_one_network_has_a_few_places_and_the_rest_is_refused_at_once(crowd: Crowd) -> None:
    await crowd.arrives(*["a"] * 9)
    assert (crowd.began, crowd.refused) == (["a"], ["a"] * 4)


async def test_a_full_queue_makes_room_for_a_newcomer_at_the_cost_of_the_longest_line(crowd: Crowd) -> None:
    await crowd.arrives("x", "a", "a", "a", "a", "b", "b")
    await crowd.arrives("c")
    assert crowd.refused == ["a"]
    await crowd.arrives("a")
    assert crowd.refused == ["a", "a"]
    await crowd.release(6)
    assert crowd.began == ["x", "a", "b", "c", "a", "b", "a"]


async def test_whoever_goes_away_leaves_no_hole_and_takes_no_turn(crowd: Crowd) -> None:
    await crowd.arrives("a", "b", "c")
    await crowd.leaves(1)
    await crowd.release(2)
    await crowd.arrives("d")
    assert crowd.began == ["a", "c", "d"]


async def test_a_turn_that_does_not_come_in_time_is_refused(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in_queue, "LONGEST_WAIT", 0.01)
    await crowd.arrives("a", "b")
    await eventually(lambda: bool(crowd.refused), every=0.005)
    await crowd.release()
    await crowd.arrives("c")
    assert (crowd.began, crowd.refused) == (["a", "c"], ["b"])
