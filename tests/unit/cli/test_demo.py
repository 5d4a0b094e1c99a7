"""A demonstration replaces only what a demonstration made."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from amazonlite_cli.demo import DemoFailed, OutOfStock, manifest, pick_product, receive, removed
from amazonlite_cli.shoppers.tokens import StaffClient

PRODUCT = {"sku": "B1", "price": {"amount": 999, "currency": "USD"}}


@dataclass
class Sales:
    """The FlashSale that is there, if any."""

    present: dict[str, Any] | None
    deleted: list[str] = field(default_factory=list)

    def get(self, _name: str) -> dict[str, Any] | None:
        return self.present

    def delete(self, name: str) -> None:
        self.deleted.append(name)
        self.present = None


async def test_an_earlier_demonstrations_sale_is_deleted() -> None:
    sales = Sales(manifest(PRODUCT, datetime.now(UTC)))
    await removed(sales)  # type: ignore[arg-type]
    assert sales.deleted == ["demo"]


async def test_a_sale_that_somebody_else_made_is_left_alone() -> None:
    for labels in ({}, {"amazonlite.dev/made-by": "marketing"}):
        sales = Sales(manifest(PRODUCT, datetime.now(UTC), labels=labels))
        with pytest.raises(DemoFailed) as refused:
            await removed(sales)  # type: ignore[arg-type]
        assert sales.deleted == []
        assert refused.value.code == "demo_failed"
        assert "kubectl delete" in refused.value.next_step


async def test_what_is_sold_out_is_received_anew() -> None:
    received: list[dict[str, Any]] = []

    async def adjust(request: web.Request) -> web.Response:
        if request.match_info["sku"] == "B1":
            return web.json_response({"code": "unknown_sku"}, status=404)
        received.append(await request.json())
        return web.json_response({})

    app = web.Application()
    app.router.add_get("/api/products", _answers({"items": [{"sku": "B1"}, {"sku": "B2"}]}))
    app.router.add_get("/api/inventory/{sku}", _answers({"available": 59}))
    app.router.add_post("/api/auth/service-tokens", _answers({"accessToken": "token"}))
    app.router.add_post("/api/inventory/{sku}/adjustments", adjust)
    async with TestServer(app) as server:
        url = str(server.make_url("/")).rstrip("/")
        with pytest.raises(OutOfStock):
            await pick_product(url)
        assert (await receive(url, StaffClient("load", "secret")))["sku"] == "B2"
    assert received == [{"units": 60, "reason": "received"}]


def _answers(body: dict[str, Any]) -> Any:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(body)

    return answer
