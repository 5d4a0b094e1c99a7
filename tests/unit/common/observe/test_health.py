"""Readiness waits for no check longer than its time."""

from __future__ import annotations

import asyncio

from amazonlite.common.observe.health import Health


async def test_a_check_that_hangs_fails_in_time() -> None:
    async def hangs() -> None:
        await asyncio.Event().wait()

    assert await Health({"kafka": hangs}, timeout=0.01).failing() == {"kafka": "no answer in 0.01 s"}


async def test_a_task_that_is_down_is_named_beside_the_checks() -> None:
    async def refuses() -> None:
        raise ConnectionError("at 10.0.0.1")

    health = Health({"mysql": refuses})
    health.down["Relay.run"] = "crashed: OSError"
    assert await health.failing() == {"mysql": "ConnectionError", "Relay.run": "crashed: OSError"}
