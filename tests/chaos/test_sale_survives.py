"""A rush during which something dies; the sale ends Settled, nothing oversold, nothing lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis.asyncio

from amazonlite.cli.kube import connect, read_secret
from support.cluster import Cluster
from support.rush import Ended, Fault, Rush, assert_kept, run_rush
from support.sales import FlashSales
from support.shop import Shop

pytestmark = pytest.mark.cluster
RUSH = Rush(buyers=1000, units=100, lasts=45)


def inventory_pod_killed(cluster: Cluster) -> Fault:
    async def fault(_sale: str) -> None:
        cluster.kill_one("inventory")
        await cluster.ready("inventory", 2)

    return fault


def redis_emptied(_cluster: Cluster) -> Fault:
    async def fault(_sale: str) -> None:
        url = read_secret(connect(), "redis-admin")["url"]
        async with redis.asyncio.from_url(url) as admin:
            await admin.flushall()

    return fault


def redis_away(cluster: Cluster) -> Fault:
    async def fault(_sale: str) -> None:
        cluster.scale("redis", 0)
        await cluster.ready("redis", 0)
        cluster.scale("redis", 1)
        await cluster.ready("redis", 1)

    return fault


def database_restarted(cluster: Cluster) -> Fault:
    async def fault(_sale: str) -> None:
        cluster.kill_one("mysql")
        await cluster.ready("mysql", 1)

    return fault


def kafka_restarted(cluster: Cluster) -> Fault:
    async def fault(_sale: str) -> None:
        cluster.kill_one("kafka")
        await cluster.ready("kafka", 1)

    return fault


@pytest.mark.parametrize(
    "make_fault", [inventory_pod_killed, redis_emptied, redis_away, database_restarted, kafka_restarted]
)
async def test_a_rush_survives(shop: Shop, sales: FlashSales, make_fault: Callable[[Cluster], Fault]) -> None:
    ended: Ended = await run_rush(shop, sales, RUSH, make_fault(Cluster()))
    await assert_kept(shop, RUSH, ended, overdue=60.0 if make_fault is database_restarted else 5.0)
