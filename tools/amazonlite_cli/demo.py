"""``amazonlite demo``: a flash sale on a real product, from apply to Settled, with shoppers, shown live."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import typer
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from amazonlite.common.core.ids import new_id
from amazonlite_cli.cluster.base import SHOP_URL
from amazonlite_cli.errors import CommandError
from amazonlite_cli.exclusive import in_use
from amazonlite_cli.kube import Resources, connect
from amazonlite_cli.load import load_client, send_crowd, tally_table
from amazonlite_cli.progress import explained
from amazonlite_cli.report import report
from amazonlite_cli.seed import seed
from amazonlite_cli.shoppers.crowd import Tally
from amazonlite_cli.shoppers.shopper import Outcome
from amazonlite_cli.shoppers.tokens import StaffClient, staff_token

NAME = "demo"
QUANTITY, BUYERS = 60, 200
HOLD_SECONDS, OPEN_SECONDS, LEAD_SECONDS = 15, 60, 50
GIVE_UP_SECONDS = 300.0
FINAL_PHASES = frozenset({"Settled", "Aborted", "Failed"})


MARK = {"amazonlite.dev/made-by": "demo"}


class DemoFailed(CommandError):
    """The demonstration did not end as promised; the message says what differs."""

    def __init__(self, what: str, kept: str = "the shop and its stock", next_step: str = "amazonlite status") -> None:
        super().__init__("demo_failed", what, kept, next_step)


class OutOfStock(DemoFailed):
    """There is not enough of anything."""


async def has_products(base_url: str) -> bool:
    """Whether a catalogue was loaded before, be it ours or the user's own."""
    one = {"limit": "1"}
    async with aiohttp.ClientSession() as session, session.get(f"{base_url}/api/products", params=one) as response:
        return bool((await response.json())["items"])


async def best_rated(session: aiohttp.ClientSession, base_url: str) -> list[dict[str, Any]]:
    async with session.get(f"{base_url}/api/products", params={"sort": "rating", "limit": "50"}) as response:
        return list((await response.json())["items"])


async def pick_product(base_url: str) -> dict[str, Any]:
    """The best rated product of the catalogue that is in stock for the sale; the same one every time."""
    async with aiohttp.ClientSession() as session:
        for product in await best_rated(session, base_url):
            async with session.get(f"{base_url}/api/inventory/{product['sku']}") as response:
                stock = await response.json()
            if response.status == 200 and stock["available"] >= QUANTITY:
                return product
    raise OutOfStock(f"no product has {QUANTITY} units in stock", "everything", "amazonlite demo receives a delivery")


async def receive(base_url: str, client: StaffClient) -> dict[str, Any]:
    """A delivery of as many units as are sold, of the best rated product that has stock at all."""
    async with aiohttp.ClientSession() as session:
        token = await staff_token(session, base_url, client)
        for product in await best_rated(session, base_url):
            url = f"{base_url}/api/inventory/{product['sku']}/adjustments"
            headers = {"Authorization": f"Bearer {token}", "X-API-Version": "1", "Idempotency-Key": new_id("dlv")}
            delivery = {"units": QUANTITY, "reason": "received"}
            async with session.post(url, json=delivery, headers=headers) as response:
                if response.status == 200:
                    return product
    raise DemoFailed("the shop took no delivery", "everything", "amazonlite seed")


def manifest(
    product: Mapping[str, Any], now: datetime, *, name: str = NAME, labels: Mapping[str, str] = MARK
) -> dict[str, Any]:
    """A FlashSale such as the demonstration applies: opens ``LEAD_SECONDS`` after ``now``, at half the price."""
    start = now + timedelta(seconds=LEAD_SECONDS)
    price = product["price"]
    return {
        "apiVersion": "amazonlite.dev/v1alpha1",
        "kind": "FlashSale",
        "metadata": {"name": name} | ({"labels": dict(labels)} if labels else {}),
        "spec": {
            "sku": product["sku"],
            "quantity": QUANTITY,
            "price": {"amount": max(price["amount"] // 2, 1), "currency": price["currency"]},
            "window": {
                "start": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "end": (start + timedelta(seconds=OPEN_SECONDS)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
            "perCustomerLimit": 1,
            "holdTTL": f"{HOLD_SECONDS}s",
            "admission": {"maxActive": 40, "ratePerSecond": 20, "order": "Fifo", "preQueue": "15s"},
            "prewarm": {"leadTime": "25s", "targets": [{"deployment": "inventory", "replicas": 2}]},
            "slo": {"p95": "1s", "successRate": 0.95, "window": "10s"},
            "onBreach": "Throttle",
            "rehearsal": {"customers": 20, "ratePerSecond": 10},
        },
    }


def picture(sale: dict[str, Any], tally: Tally) -> Group:
    """The sale as it stands: phase, stock, queue, shoppers."""
    status = sale.get("status", {})
    stock, queue = status.get("stock", {}), status.get("queue", {})
    table = Table.grid(padding=(0, 2))
    table.add_row("phase", Text(str(status.get("phase", "Pending")), style="bold"))
    table.add_row("sold", ProgressBar(total=QUANTITY, completed=stock.get("sold", 0), width=40))
    table.add_row("stock", "  ".join(f"{key} {stock.get(key, 0)}" for key in ("free", "held", "sold", "returned")))
    table.add_row("queue", "  ".join(f"{key} {queue.get(key, 0)}" for key in ("waiting", "active", "admitted")))
    table.add_row("oversold", str(status.get("oversold", 0)))
    steps = "  ".join(f"{key} {tally.steps[key]}" for key in ("queued", "admitted", "claimed", "paid"))
    table.add_row("shoppers", steps)
    return Group(table)


async def removed(sales: Resources) -> None:
    """Deletes an earlier demonstration's sale and waits until its finalizer has given everything back.

    Raises DemoFailed for a sale of that name that somebody else made.
    """
    earlier = await asyncio.to_thread(sales.get, NAME)
    if earlier and not MARK.items() <= earlier["metadata"].get("labels", {}).items():
        what = f"there is a FlashSale {NAME} that no demonstration made"
        raise DemoFailed(what, "that sale and everything else", f"delete it, if it may go: kubectl delete fs {NAME}")
    sales.delete(NAME)
    deadline = time.monotonic() + 60
    while await asyncio.to_thread(sales.get, NAME):
        if time.monotonic() > deadline:
            raise DemoFailed(f"the earlier sale {NAME} is still being deleted", next_step="see docs/operator.md")
        await asyncio.sleep(0.5)


async def follow(sales: Resources, console: Console, tally: Tally) -> dict[str, Any]:
    """Shows the sale until it has ended; returns its last state."""
    deadline, shown = time.monotonic() + GIVE_UP_SECONDS, ""
    with Live(console=console, refresh_per_second=4, transient=False) as live:
        while time.monotonic() < deadline:
            sale = await asyncio.to_thread(sales.get, NAME) or {}
            phase = str(sale.get("status", {}).get("phase", "Pending"))
            if phase != shown:
                console.print(f"[dim]{datetime.now(UTC):%H:%M:%S}[/] FlashSale/{NAME} is [bold]{phase}[/]")
                shown = phase
            live.update(picture(sale, tally))
            if phase in FINAL_PHASES:
                return sale
            await asyncio.sleep(0.5)
    raise DemoFailed(f"FlashSale/{NAME} is still {shown} after {GIVE_UP_SECONDS:.0f} s")


def verify(sale: dict[str, Any], tally: Tally) -> None:
    """What the demonstration promises, checked against what the cluster says.

    Raises:
        DemoFailed: with everything that differs.
    """
    status = sale["status"]
    stock = status["stock"]
    conditions = {c["type"]: c["status"] for c in status["conditions"]}
    promises = {
        "the sale is Settled": status["phase"] == "Settled",
        "nothing is oversold": status["oversold"] == 0,
        "allocated = free + held + sold": stock["allocated"] == stock["free"] + stock["held"] + stock["sold"],
        "stock is conserved": conditions.get("StockConserved") == "True",
        "every unit is sold or returned": stock["sold"] + stock["returned"] == QUANTITY,
        "every payment that was accepted is a sale": tally.outcomes[Outcome.BOUGHT] == stock["sold"],
        "somebody bought": stock["sold"] > 0,
        "no second claim went through": not tally.outcomes[Outcome.OVER_LIMIT],
    }
    broken = [promise for promise, kept in promises.items() if not kept]
    if broken:
        raise DemoFailed("not so: " + "; ".join(broken))


async def demonstrate(console: Console, base_url: str) -> None:
    """One sale from apply to Settled, verified."""
    sales = Resources(connect(), "flashsales")
    await removed(sales)
    try:
        product = await pick_product(base_url)
    except OutOfStock:
        product = await receive(base_url, load_client())
        console.print(f"Received {QUANTITY} of {product['sku']}: nothing else was left in stock")
    console.print(f"Selling {QUANTITY} of [bold]{product['title'][:70]}[/] ({product['sku']}) to {BUYERS} shoppers")
    sales.create(manifest(product, datetime.now(UTC)))
    tally = Tally()
    crowd = asyncio.create_task(_shop(base_url, tally))
    try:
        sale = await follow(sales, console, tally)
        await crowd
    finally:
        crowd.cancel()
        with suppress(asyncio.CancelledError):
            await crowd
    console.print(tally_table(tally))
    verify(sale, tally)


async def _shop(base_url: str, tally: Tally) -> None:
    await _opened(base_url)
    await send_crowd(base_url, NAME, BUYERS, patience=OPEN_SECONDS + 30.0, arrival=10.0, seed=7, tally=tally)


async def _opened(base_url: str) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            async with session.get(f"{base_url}/api/flash-sales") as response:
                items = (await response.json())["items"]
            if any(s["name"] == NAME and s["state"] in {"QUEUEING", "LIVE"} for s in items):
                return
            await asyncio.sleep(0.5)


def demo(url: str = typer.Option(SHOP_URL, help="Where the shop's API is")) -> None:
    """Run a flash sale on one product to its end, and print the evidence; a shop without products gets some first."""
    console = Console()
    with explained(), in_use():
        if not asyncio.run(has_products(url)):
            seed(None, url)
        asyncio.run(demonstrate(console, url))
        report(f"flashsale/{NAME}")
    console.print(f"\nShop        {url}/api/products")
    console.print(f"Flash sales {url}/api/flash-sales")
    console.print("Cluster     KUBECONFIG=.local/kubeconfig kubectl get amazonlite -n amazonlite")
