from __future__ import annotations

import asyncio

import pytest

from amazonlite_operator.kube.queue import FIRST_RETRY, LAST_RETRY, WorkQueue


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def queue(time: Time) -> WorkQueue[str]:
    return WorkQueue(time, jitter=lambda: 0.5)


async def nothing_due(queue: WorkQueue[str]) -> bool:
    task = asyncio.create_task(queue.get())
    for _ in range(5):
        await asyncio.sleep(0)
    done = task.done()
    task.cancel()
    return not done


async def test_a_key_added_twice_is_worked_on_once(queue: WorkQueue[str]) -> None:
    queue.add("a")
    queue.add("a")
    assert (await queue.get())[0] == "a"
    queue.done("a")
    assert await nothing_due(queue)


async def test_a_key_added_while_it_is_worked_on_comes_again_afterwards(queue: WorkQueue[str]) -> None:
    queue.add("a")
    await queue.get()
    queue.add("a")
    assert await nothing_due(queue)
    queue.done("a")
    assert (await queue.get())[0] == "a"


async def test_a_delayed_key_waits_and_an_earlier_time_wins(queue: WorkQueue[str], time: Time) -> None:
    queue.add_after("a", 10)
    assert await nothing_due(queue)
    queue.add_after("a", 3)
    queue.add_after("a", 20)
    time.now = 3.5
    assert await queue.get() == ("a", 0.5)
    queue.done("a")
    time.now = 100
    assert await nothing_due(queue)


async def test_a_waiting_worker_is_woken_by_a_new_key(queue: WorkQueue[str]) -> None:
    worker = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    assert (await worker)[0] == "a"


async def test_failures_pause_ever_longer_and_success_forgets_them(queue: WorkQueue[str], time: Time) -> None:
    pauses = []
    for _ in range(12):
        queue.add("a")
        await queue.get()
        pauses.append(queue.failed("a"))
        queue.done("a")
        time.now += 100
        await queue.get()
        queue.done("a")
    assert pauses[:3] == [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY]
    assert pauses[-1] == LAST_RETRY
    queue.succeeded("a")
    assert queue.failed("a") == FIRST_RETRY
