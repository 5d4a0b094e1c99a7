"""The fakes that the operator is tested against keep the contract of the services they stand for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from amazonlite.common.testing.asgi import Answer
from contract.sales_contract import *  # noqa: F403 - the tests, run here with the fixture below
from support.fake_shop import TOKEN, FakeShop


class ServedFakes:
    def __init__(self, session: aiohttp.ClientSession, url: str, fakes: FakeShop) -> None:
        self._session = session
        self._url = url
        self._fakes = fakes

    async def call(self, method: str, path: str, json: Any = None, *, headers: dict[str, str] | None = None) -> Answer:
        sent = {"Authorization": f"Bearer {TOKEN}", **(headers or {})}
        async with self._session.request(method, f"{self._url}{path}", json=json, headers=sent) as response:
            lower = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, lower, await response.read())

    async def put_in_stock(self, sku: str, units: int) -> None:
        self._fakes.inventory.stock[sku] = units

    async def available(self, sku: str) -> int:
        return self._fakes.inventory.stock[sku]

    async def hold(self, sale_id: str, units: int) -> None:
        self._fakes.inventory.claim(sale_id, units)

    async def authorize(self, sale_id: str) -> None:
        sale = self._fakes.inventory.sales[sale_id]
        self._fakes.inventory.authorize(sale_id, sale.stock.held - sale.paid)

    async def buy(self, sale_id: str) -> None:
        self._fakes.inventory.pay(sale_id, self._fakes.inventory.sales[sale_id].stock.held)

    def set_payments(self, *, up: bool) -> None:
        self._fakes.inventory.payments_up = up


@pytest.fixture
async def shop() -> AsyncIterator[ServedFakes]:
    fakes = FakeShop({})
    async with fakes.serve() as url, aiohttp.ClientSession() as session:
        yield ServedFakes(session, url, fakes)
