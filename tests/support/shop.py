"""The running shop as a test sees it: staff calls, and a sale's own view."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from amazonlite.common.testing.eventually import eventually
from amazonlite_cli.kube import connect, read_secret
from amazonlite_cli.shoppers.tokens import StaffClient, TokensRefused, shopper_tokens, staff_token

GATEWAY = os.environ.get("GATEWAY_URL", "http://gateway:8000")
AUTH = os.environ.get("AUTH_URL", "http://auth:8000")
INVENTORY = os.environ.get("INVENTORY_URL", "http://inventory:8000")
PAYMENT = os.environ.get("PAYMENT_URL", "http://payment:8000")


@dataclass(slots=True)
class Shop:
    """Staff access to the running shop through the gateway, and the operator's access to a sale's internal view."""

    session: aiohttp.ClientSession
    staff: str
    operator: str
    load_client: StaffClient
    made: list[str]

    async def request(self, method: str, url: str, token: str = "", **rest: Any) -> tuple[int, Any, Any]:
        """(status, body, headers) of one call; (0, None, {}) when no answer came."""
        headers = {"X-API-Version": "1", **rest.pop("headers", {})}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        url = url if url.startswith("http") else GATEWAY + url
        try:
            async with self.session.request(method, url, headers=headers, **rest) as response:
                return response.status, await response.json(content_type=None), response.headers
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return 0, None, {}

    async def answers(self) -> bool:
        """Whether every service that has a store answers."""
        shopper = await self.shopper("syn_test-answers")  # before the calls are made, which nobody awaits if it fails
        calls = [
            self.request("GET", "/api/products", params={"limit": "1"}),
            self.request("GET", "/api/inventory/NONE"),
            self.request("GET", "/api/orders", shopper),
            self.request("POST", f"{PAYMENT}/internal/payments/summary", self.operator, json={"saleId": "none"}),
        ]
        return all(0 < status < 500 for status, _, _ in await asyncio.gather(*calls))

    async def answering(self) -> None:
        """Waits until it answers several times on end: after its store was replaced, a pod finds dead connections one
        by one."""
        on_end = 0

        async def enough() -> bool:
            nonlocal on_end
            try:
                on_end = on_end + 1 if await self.answers() else 0
            except (TokensRefused, aiohttp.ClientError, TimeoutError):
                on_end = 0
            return on_end >= 8

        await eventually(enough, within=60, every=0.05, what="a shop that answers")

    async def stocked_product(self, on_hand: int, category: str = "Test") -> str:
        """A new product with that much stock, in the catalogue until the shop is left; its SKU."""
        sku = f"TEST{uuid.uuid4().hex[:10].upper()}"
        product = {"sku": sku, "title": "A thing under test", "category": [category], "price": usd(1999)}
        status, body, _ = await self.request("POST", "/api/products", self.staff, json=product)
        assert status == 201, body
        self.made.append(sku)
        status, body, _ = await self.request("PUT", f"/api/inventory/{sku}", self.staff, json={"onHand": on_hand})
        assert status == 200, body
        return sku

    async def restock(self, sku: str, on_hand: int) -> None:
        """A count of what is there by now."""
        status, _, headers = await self.request("GET", f"/api/inventory/{sku}")
        seen = {"If-Match": headers["ETag"]}
        status, body, _ = await self.request(
            "PUT", f"/api/inventory/{sku}", self.staff, headers=seen, json={"onHand": on_hand}
        )
        assert status == 200, body

    async def remove_products(self) -> None:
        """Takes what was made here out of the catalogue, which is not the test's."""
        for sku in self.made:

            async def gone(sku: str = sku) -> bool:
                status, _, _ = await self.request("DELETE", f"/api/products/{sku}", self.staff)
                return status == 204

            await eventually(gone, within=60, every=0.5, what=f"{sku} removed from the catalogue")

    async def stock(self, sku: str) -> dict[str, Any]:
        status, body, _ = await self.request("GET", f"/api/inventory/{sku}")
        assert status == 200, body
        return dict(body)

    async def sale_view(self, sale_id: str) -> dict[str, Any] | None:
        """The inventory service's internal view of a sale; None while it cannot answer."""
        status, body, _ = await self.request("GET", f"{INVENTORY}/internal/flash-sales/{sale_id}", self.operator)
        return dict(body) if status == 200 else None

    async def payments_of(self, sale_id: str) -> dict[str, Any] | None:
        """The payment service's summary of a sale; None while it cannot answer."""
        url, query = f"{PAYMENT}/internal/payments/summary", {"saleId": sale_id}
        status, body, _ = await self.request("POST", url, self.operator, json=query)
        return dict(body) if status == 200 else None

    async def shopper(self, customer: str) -> str:
        """An access token for one customer."""
        return (await self.shoppers([customer]))[customer]

    async def shoppers(self, customers: list[str]) -> dict[str, str]:
        return await shopper_tokens(AUTH, self.load_client, customers, reason="test")


def usd(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD"}


@asynccontextmanager
async def open_shop() -> AsyncIterator[Shop]:
    """A Shop with the credentials that the cluster's Secrets hold; its products are removed afterwards."""
    api = connect()
    load, operator = (read_secret(api, name) for name in ("client-load", "client-operator"))
    load_client = StaffClient(load["id"], load["secret"])
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session:
        staff = await staff_token(session, GATEWAY, load_client)
        operator_token = await staff_token(session, GATEWAY, StaffClient(operator["id"], operator["secret"]))
        shop = Shop(session, staff, operator_token, load_client, [])
        try:
            yield shop
        finally:
            await shop.remove_products()
