"""``amazonlite seed``: loads the catalogue and its stock into the shop, as often as you like."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Annotated

import aiohttp
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from amazonlite.common.security.service_token import ServiceTokenSource, TokenSource
from amazonlite_cli.catalogue.loader import Loaded, Loader, LoadRefused, Progress
from amazonlite_cli.catalogue.source import default_catalogue, read_catalogue
from amazonlite_cli.cluster.base import SHOP_URL
from amazonlite_cli.load import load_client
from amazonlite_cli.progress import explained

REQUEST_SECONDS = 30


async def seed_catalogue(base_url: str, token_source: TokenSource, path: Path, progress: Progress) -> Loaded:
    """All products of the file and their stock, through the gateway; ``progress(done, total)`` after every batch.

    Raises:
        CatalogueUnreadable: the file is no catalogue; nothing was sent.
        LoadRefused: the shop did not take a batch; running again completes the load.
    """
    entries = read_catalogue(path)
    progress(0, len(entries))
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        loaded = await Loader(session, base_url, token_source).load(entries, progress)
    if loaded.total != len(entries):
        raise LoadRefused(f"The shop confirmed {loaded.total} of {len(entries)} products.")
    return loaded


def credentials() -> tuple[str, str]:
    """AUTH_CLIENT_ID and AUTH_CLIENT_SECRET, or else the load tool's own from the cluster."""
    if "AUTH_CLIENT_ID" in os.environ:
        return os.environ["AUTH_CLIENT_ID"], os.environ["AUTH_CLIENT_SECRET"]
    client = load_client()
    return client.client_id, client.client_secret


async def _load(url: str, path: Path, progress: Progress) -> Loaded:
    tokens = ServiceTokenSource(url, *credentials())
    try:
        return await seed_catalogue(url, tokens, path, progress)
    finally:
        await tokens.close()


def seed(
    catalogue: Annotated[Path | None, typer.Option(help="JSON lines, .gz or not; by default the one at hand")] = None,
    url: Annotated[str, typer.Option(help="Where the shop's API is")] = SHOP_URL,
) -> None:
    """Load the catalogue and its stock; running it again changes nothing that is already right."""
    console, path, started = Console(), catalogue or default_catalogue(), time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with explained(), Bar(*columns, console=console) as bar:
        task = bar.add_task(f"Loading {path.name}", total=None)
        loaded = asyncio.run(_load(url, path, lambda done, total: bar.update(task, completed=done, total=total)))
    console.print(
        f"{loaded.total:,} products in {time.monotonic() - started:.1f} s: {loaded.created:,} new, "
        f"{loaded.updated:,} changed, {loaded.unchanged:,} as they were."
    )
