"""Tests here use the running shop and break it, one at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from support.cluster import Cluster
from support.faults.inject import healed
from support.faults.node import Node
from support.fixtures import sales, shop

__all__ = ["healthy", "sales", "shop"]


@pytest_asyncio.fixture(autouse=True)
async def healthy() -> AsyncIterator[None]:
    """Every fault is healed before a test, and after it, also when it was stopped in the middle of one."""
    cluster, node = Cluster(), Node()
    await healed(cluster, node)
    yield
    await healed(cluster, node)
