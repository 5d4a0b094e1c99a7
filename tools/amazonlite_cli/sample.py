"""``amazonlite sample NAME``: a FlashSale of a product that this shop has in stock, to be piped to kubectl."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
import yaml

from amazonlite_cli.cluster.base import SHOP_URL
from amazonlite_cli.demo import manifest, pick_product
from amazonlite_cli.progress import explained


def sample(
    name: Annotated[str, typer.Argument(help="What the FlashSale is to be called")],
    url: Annotated[str, typer.Option(help="Where the shop's API is")] = SHOP_URL,
) -> None:
    """Print a FlashSale that opens in a minute; `kubectl apply -f -` takes it."""
    with explained():
        product = asyncio.run(pick_product(url))
    yaml.safe_dump(manifest(product, datetime.now(UTC), name=name, labels={}), sys.stdout, sort_keys=False)
