"""A crashed background task makes the process unready, comes back, and is given ever more time."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from amazonlite.common.background.supervise import FIRST_PAUSE, LONGEST_PAUSE, running, supervise
from amazonlite.common.core.tasks import stop
from amazonlite.common.observe.health import Health
from amazonlite.common.testing.eventually import eventually


class Crashing:
    """Crashes so many times, then returns."""

    def __init__(self, times: int) -> None:
        self.left = times

    async def run(self) -> None:
        if self.left:
            self.left -= 1
            raise RuntimeError("no broker")


async def test_a_crash_is_visible_until_the_task_runs_again() -> None:
    health = Health()
    seen: list[dict[str, str]] = []

    async def sleep(_: float) -> None:
        seen.append(await health.failing())

    await supervise(Crashing(2).run, health, sleep=sleep)
    assert seen == [{"Crashing.run": "crashed: RuntimeError"}] * 2
    assert await health.failing() == {}


async def test_a_task_with_arguments_is_called_like_its_function() -> None:
    health = Health()

    async def keep_crashing(deps: str) -> None:
        raise RuntimeError(deps)

    task = asyncio.create_task(supervise(partial(keep_crashing, "orders"), health))
    await eventually(lambda: health.down)
    await stop([task])
    assert [name.rpartition(".")[2] for name in health.down] == ["keep_crashing"]


async def test_pauses_grow_to_a_limit() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    await supervise(Crashing(12).run, Health(), sleep=sleep)
    assert pauses[0] <= FIRST_PAUSE * 1.2
    assert pauses[2] > pauses[0]
    assert max(pauses) <= LONGEST_PAUSE * 1.2


async def test_cancelling_ends_it() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(supervise(forever, Health()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_all_of_it_has_ended_when_the_process_goes_on_to_stop() -> None:
    ended: list[str] = []

    async def slow_to_stop() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("slow")

    async with running([slow_to_stop], Health()):
        await asyncio.sleep(0)
    assert ended == ["slow"]
