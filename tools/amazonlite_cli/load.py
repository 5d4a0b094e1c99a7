"""``amazonlite load``: sends a crowd of simulated shoppers to a running flash sale."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import aiohttp
import typer
from rich.console import Console
from rich.table import Table

from amazonlite_cli.cluster.base import SHOP_URL
from amazonlite_cli.errors import CommandError
from amazonlite_cli.exclusive import in_use
from amazonlite_cli.kube import connect, read_secret
from amazonlite_cli.progress import explained
from amazonlite_cli.reach import reached
from amazonlite_cli.shoppers.crowd import DEFAULT_MIX, Crowd, Tally, plans
from amazonlite_cli.shoppers.tokens import StaffClient, shopper_tokens


def load_client() -> StaffClient:
    """The load tool's own client credentials, from the cluster."""
    secret = read_secret(connect(), "client-load")
    return StaffClient(secret["id"], secret["secret"])


async def find_sale(base_url: str, name: str, deadline_seconds: float = 30.0) -> str:
    """The shop's id of the sale that the FlashSale called ``name`` opened.

    Raises:
        CommandError: the shop does not list it within the deadline.
    """
    deadline = time.monotonic() + deadline_seconds
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            async with session.get(f"{base_url}/api/flash-sales") as response:
                answer = await response.json()
            for sale in answer["items"]:
                if sale["name"] == name and sale["state"] in {"QUEUEING", "LIVE"}:
                    return str(sale["id"])
            await asyncio.sleep(0.5)
    what = f"the shop lists no open sale called {name}"
    raise CommandError("no_open_sale", what, "everything; no shopper was sent", "see its phase: amazonlite status")


def tally_table(tally: Tally) -> Table:
    """Outcomes and latencies of a crowd."""
    table = Table(title="Shoppers", title_justify="left")
    for column in ("what", "count", "p50 ms", "p95 ms"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for outcome, count in sorted(tally.outcomes.items()):
        table.add_row(str(outcome), str(count), "", "")
    for label in sorted({name for name, _, _ in tally.timings}):
        calls = sum(1 for name, _, _ in tally.timings if name == label)
        p50, p95 = (tally.percentile(label, share) * 1000 for share in (0.50, 0.95))
        table.add_row(f"{label} calls", str(calls), f"{p50:.0f}", f"{p95:.0f}")
    return table


async def send_crowd(
    base_url: str, name: str, buyers: int, *, patience: float, arrival: float, seed: int, tally: Tally | None = None
) -> Tally:
    """``buyers`` shoppers to the sale called ``name``, each to the end of the visit."""
    customers = [f"syn_load-{name}-{number:05d}" for number in range(buyers)]
    async with reached("auth") as auth:
        tokens = await shopper_tokens(auth, load_client(), customers, reason=f"load test of sale {name}")
    crowd = Crowd(
        base_url=base_url,
        sale=await find_sale(base_url, name),
        tokens=tokens,
        plans=plans(buyers, DEFAULT_MIX, seed),
        patience_seconds=patience,
        arrival_seconds=arrival,
        tally=tally or Tally(),
    )
    return await crowd.run()


def load(
    sale: Annotated[str, typer.Argument(help="Name of the FlashSale")],
    buyers: Annotated[int, typer.Option(min=1, max=20_000)] = 500,
    url: Annotated[str, typer.Option(help="Where the shop's API is")] = SHOP_URL,
    patience: Annotated[float, typer.Option(help="Seconds after which a shopper gives up")] = 120.0,
    arrival: Annotated[float, typer.Option(help="Seconds over which the shoppers arrive")] = 0.0,
    seed: Annotated[int, typer.Option(help="Same seed, same crowd")] = 7,
) -> None:
    """Send simulated shoppers to a flash sale and print how it went for them."""
    with explained(), in_use():
        tally = asyncio.run(send_crowd(url, sale, buyers, patience=patience, arrival=arrival, seed=seed))
    Console().print(tally_table(tally))
