"""An ordinary day: shoppers browse, some buy, nobody is refused without reason, and the stock adds up afterwards."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.shop import GATEWAY, INVENTORY, Shop

pytestmark = pytest.mark.cluster

LOCUSTFILE = Path(__file__).parents[1] / "load" / "locustfile.py"
USERS, SECONDS = 10, 20
PRODUCTS = 25  # more than a page shows
MIX = {
    "GET /api/products": 20,
    "GET /api/products/{sku}": 20,
    "GET /api/flash-sales": 5,
    "GET /api/inventory/{sku}": 5,
    "POST /api/orders": 5,
    "GET /api/orders/{id}": 5,
    "POST /api/orders/{id}/cancel": 1,
    "POST /api/payments/intents": 3,
    "POST /api/payments/intents/{id}/confirm": 3,
}


async def test_an_ordinary_day_has_no_failed_request_and_the_stock_adds_up(shop: Shop) -> None:
    category = f"Test-{uuid.uuid4().hex[:8]}"  # whatever else the catalogue holds is not the test's to buy
    for _ in range(PRODUCTS):
        await shop.stocked_product(on_hand=1000, category=category)
    opened = datetime.now(UTC)
    asked = await run_mix(category)
    assert {kind for kind, least in MIX.items() if asked.get(kind, 0) < least} == set(), asked
    orders = await orders_since(shop, opened)
    bought = [order for order in orders if order["state"] in {"CONFIRMED", "COMPLETED"}]
    assert {order["state"] for order in orders} <= {"CONFIRMED", "COMPLETED", "CANCELLED", "REJECTED"}
    assert len(orders) == asked["POST /api/orders"]
    assert len(bought) == asked["POST /api/payments/intents/{id}/confirm"]
    for sku in {line["sku"] for order in bought for line in order["lines"]}:
        await assert_adds_up(shop, sku)


async def run_mix(category: str) -> dict[str, int]:
    """How often each kind of request was made; asserts that none failed and that every visit came to its end."""
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--host", GATEWAY, "--headless"]
    command += ["-u", str(USERS), "-r", "10", "-t", f"{SECONDS}s", "--only-summary", "--json", "--category", category]
    running = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        said = await asyncio.wait_for(running.communicate(), timeout=SECONDS + 120)
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()
    output, log = (text.decode() for text in said)
    assert running.returncode == 0, output + log
    rows, _ = json.JSONDecoder().raw_decode(output)  # the summary for people follows
    assert [row for row in rows if row["num_failures"]] == [], output + log
    return {f"{row['method']} {row['name']}": int(row["num_requests"]) for row in rows}


async def orders_since(shop: Shop, opened: datetime) -> list[dict[str, Any]]:
    """All orders that the mix's customers have made since then."""
    tokens = await shop.shoppers([f"syn_load-mix-{number:05d}" for number in range(1, USERS + 1)])
    found: list[dict[str, Any]] = []
    for token in tokens.values():
        status, page, _ = await shop.request("GET", "/api/orders?limit=100", token)
        assert status == 200, page
        found += [order for order in page["items"] if datetime.fromisoformat(order["createdAt"]) >= opened]
    return found


async def assert_adds_up(shop: Shop, sku: str) -> None:
    """What is on hand is available or reserved, and the ledger tells the same."""
    stock = await shop.stock(sku)
    assert stock["onHand"] == stock["available"] + stock["reserved"], stock
    status, ledger, _ = await shop.request("GET", f"{INVENTORY}/internal/ledger/{sku}", shop.staff)
    assert status == 200 and ledger["conserved"] is True, ledger
