"""A rush during which the leading operator is killed once in every phase."""

from __future__ import annotations

import asyncio

import pytest

from amazonlite.common.testing.eventually import eventually
from support.cluster import Cluster
from support.rush import Rush, assert_kept, run_rush
from support.sales import FlashSales
from support.shop import Shop

pytestmark = pytest.mark.cluster
RUSH = Rush(buyers=1000, units=100, lasts=45)


async def test_the_operator_may_be_killed_in_every_phase(shop: Shop, sales: FlashSales) -> None:
    cluster = Cluster()
    killed: list[str] = []

    async def kill_leader_at_each_phase() -> None:
        async def new_phase_or_end() -> str | None:
            names = sales.names
            phase = str(sales.status(names[0]).get("phase", "")) if names else ""
            return phase if phase and phase not in killed else None

        while not {"Settled", "Aborted", "Failed"} & set(killed):
            phase = await eventually(new_phase_or_end, within=180, what="the next phase", every=0.1)
            killed.append(phase)
            await cluster.kill_leader("amazonlite-operator", "operator")

    killer = asyncio.create_task(kill_leader_at_each_phase())
    ended = await run_rush(shop, sales, RUSH)
    await killer
    await assert_kept(shop, RUSH, ended)
    assert {"Queueing", "Live", "Draining"} <= set(killed), killed
    await cluster.ready("operator", 2)
