"""The running shop and FlashSales that clean up after themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from support.sales import FlashSales
from support.shop import Shop, open_shop


@pytest_asyncio.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_shop() as opened:
        yield opened


@pytest_asyncio.fixture
async def sales() -> AsyncIterator[FlashSales]:
    made = FlashSales()
    yield made
    await made.remove_all()
