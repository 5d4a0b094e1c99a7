"""The running shop as a test sees it: staff calls, a sale's own view, and the database beside both."""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pymysql

from amazonlite.cli.kube import connect, read_secret
from amazonlite.cli.shoppers.tokens import StaffClient, shopper_tokens, staff_token
from amazonlite.common.testing.eventually import eventually
from amazonlite.common.testing.stores import root_cursor

GATEWAY = os.environ.get("GATEWAY_URL", "http://gateway:8000")
MOST_UNITS_OF_A_CUSTOMER = """
SELECT COALESCE(MAX(units), 0) FROM (
    SELECT SUM(quantity) AS units FROM reservation JOIN reservation_line ON reservation_id = id
    WHERE sale_id = %s AND state IN ('HELD', 'CONFIRMED') GROUP BY customer_id
) AS of_each
"""
INVENTORY = os.environ.get("INVENTORY_URL", "http://inventory:8000")


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

    async def shopper(self, customer: str) -> str:
        """An access token for one customer."""
        return (await self.shoppers([customer]))[customer]

    async def shoppers(self, customers: list[str]) -> dict[str, str]:
        return await shopper_tokens(GATEWAY, self.load_client, customers, reason="test")


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


@dataclass(slots=True)
class Samples:
    """A sale watched once a second; ``broken`` lists every observation that broke a rule."""

    quantity: int
    limit: int = 1
    seen: list[dict[str, Any]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    unanswered: int = 0
    peak_active: int = 0
    worst_overdue_seconds: float = 0.0

    def take_customers(self, most_units: int) -> None:
        """Checks what one customer has at most, held or bought, as the database itself says."""
        if most_units > self.limit:
            self.broken.append(f"a customer has {most_units} units")

    def take(self, view: dict[str, Any] | None) -> None:
        """Checks one observation; no answer is counted, never taken for a good one."""
        if view is None:
            self.unanswered += 1
            return
        stock = view["stock"]
        self.seen.append(view)
        self.peak_active = max(self.peak_active, view["queue"]["active"])
        self.worst_overdue_seconds = max(self.worst_overdue_seconds, view["oldestOverdueHoldSeconds"])
        rules = {
            "allocated = free + held + sold": stock["allocated"] == stock["free"] + stock["held"] + stock["sold"],
            "held + sold within the quantity": stock["held"] + stock["sold"] <= self.quantity,
            "nothing oversold": view["oversold"] == 0,
            "counters, holds and ledger agree": view["conserved"] is True,
        }
        self.broken += [f"{rule}: {view}" for rule, kept in rules.items() if not kept]


def most_units_of_a_customer(sale_id: str) -> int:
    """Units that the customer with most of them holds or has bought; 0 while the database is away."""
    with contextlib.suppress(pymysql.OperationalError), root_cursor("inventory") as cursor:
        cursor.execute(MOST_UNITS_OF_A_CUSTOMER, (sale_id,))
        (most,) = cursor.fetchone() or (0,)
        return int(most)
    return 0


@asynccontextmanager
async def sampled(shop: Shop, sale_id: str, quantity: int, every: float = 1.0) -> AsyncIterator[Samples]:
    """Watches the sale for as long as the block runs."""
    samples = Samples(quantity)

    async def watch() -> None:
        while True:
            samples.take(await shop.sale_view(sale_id))
            samples.take_customers(await asyncio.to_thread(most_units_of_a_customer, sale_id))
            await asyncio.sleep(every)

    watching = asyncio.create_task(watch())
    try:
        yield samples
    finally:
        watching.cancel()
