from __future__ import annotations

import asyncio

import pytest

from amazonlite.common.background.every import MORE, every
from amazonlite.common.core.errors import Unavailable
from amazonlite.common.core.tasks import stop
from amazonlite.common.testing.eventually import eventually


async def test_what_is_away_is_tried_again_for_ever() -> None:
    outcomes = [Unavailable("away"), None, Unavailable("away again"), None]
    ran: list[object] = []

    async def work() -> None:
        outcome = outcomes[len(ran) % len(outcomes)]
        ran.append(outcome)
        if outcome is not None:
            raise outcome

    task = asyncio.create_task(every(0, work, waits="test_waits"))
    await eventually(lambda: len(ran) >= 8)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_while_there_is_more_it_runs_again_at_once() -> None:
    found = [MORE, MORE, False]
    ran: list[bool] = []

    async def work() -> bool:
        ran.append(found[len(ran)])
        return ran[-1]

    task = asyncio.create_task(every(60, work, waits="test_waits"))
    await eventually(lambda: len(ran) == 3)
    await stop([task])


async def test_a_fault_of_our_own_is_not_hidden() -> None:
    async def work() -> None:
        raise LookupError("a bug")

    with pytest.raises(LookupError):
        await every(0, work, waits="test_waits")
