"""A catalogue is JSON lines, gzipped or not: `asin, title, description, bullet_points, brand, color, price` (US dollars
or null), `category` (path), `rating, rating_count`; other members are ignored."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from amazonlite_cli.catalogue.rules import Prices, stock_of
from amazonlite_cli.errors import CommandError
from amazonlite_cli.paths import REPO

ENVIRONMENT = "AMAZONLITE_CATALOGUE"
BESIDE_CHECKOUT = REPO.parent / "shared" / "data" / "products" / "products.jsonl.gz"
SAMPLE = Path(__file__).parents[1] / "sample_catalogue.jsonl"


class CatalogueUnreadable(CommandError):
    """The file is missing or a line of it is not a product; the message names it. Nothing was loaded."""

    def __init__(self, what: str) -> None:
        super().__init__("catalogue_unreadable", what, "everything; nothing was loaded", "mend it or name another")


@dataclass(frozen=True, slots=True)
class Entry:
    """A product as the API takes it, and the stock it starts with."""

    product: dict[str, Any]
    on_hand: int


class _Row(msgspec.Struct):
    asin: str
    title: str
    description: str | None = None
    bullet_points: str | None = None
    brand: str | None = None
    color: str | None = None
    price: float | None = None
    category: list[str] | None = None
    rating: float | None = None
    rating_count: int | None = None


def default_catalogue() -> Path:
    """The file named by AMAZONLITE_CATALOGUE, else the one beside the checkout, else the project's own sample."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named)
    return BESIDE_CHECKOUT if BESIDE_CHECKOUT.exists() else SAMPLE


def read_catalogue(path: Path) -> list[Entry]:
    """Raises CatalogueUnreadable before anything is loaded, so that a bad file changes nothing."""
    try:
        rows = list(_rows(path))
    except (OSError, EOFError) as error:
        raise CatalogueUnreadable(f"{path} cannot be read: {error}") from error
    unique = {row.asin: row for row in rows}
    prices = Prices(msgspec.to_builtins(row) for row in unique.values())
    return [Entry(_product(row, prices), stock_of(row.asin)) for row in unique.values()]


def _rows(path: Path) -> Iterator[_Row]:
    decoder = msgspec.json.Decoder(_Row)
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield decoder.decode(line)
            except (msgspec.MsgspecError, ValueError) as error:
                raise CatalogueUnreadable(f"{path}, line {number}: {error}") from error


def _product(row: _Row, prices: Prices) -> dict[str, Any]:
    texts = (row.description, row.bullet_points)
    return {
        "sku": row.asin,
        "title": row.title.strip()[:500],
        "description": "\n".join(text.strip() for text in texts if text and text.strip())[:8000],
        "brand": (row.brand or "").strip()[:100],
        "color": (row.color or "").strip()[:100],
        "category": [step.strip()[:100] for step in row.category or [] if step.strip()][:10],
        "price": {"amount": prices.of(msgspec.to_builtins(row)), "currency": "USD"},
        "rating": min(max(row.rating or 0.0, 0.0), 5.0),
        "ratingCount": max(row.rating_count or 0, 0),
    }
