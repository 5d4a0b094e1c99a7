"""What a catalogue leaves open is filled in by rule: the same product gets the same price and stock on every machine.

Price: a product without one (or with zero) gets a price between the quartiles of the known prices of its top category,
at the place that the SHA-256 of its id says, rounded down to a price ending in 99 cents. A category with fewer than
four known prices takes the quartiles of the whole catalogue; a catalogue with fewer than four takes 10 to 50 dollars.

Stock: 20 to 500 units, by the same hash with another salt.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import quantiles
from typing import Any

ENOUGH = 4
LEAST_STOCK, MOST_STOCK = 20, 500
_UNKNOWN = (1000.0, 5000.0)  # cents

Span = tuple[float, float]


def fraction(salt: str, asin: str) -> float:
    """In [0, 1), the same for the same id everywhere."""
    digest = hashlib.sha256(f"{salt}:{asin}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def stock_of(asin: str) -> int:
    return LEAST_STOCK + int(fraction("stock", asin) * (MOST_STOCK - LEAST_STOCK + 1))


def known_cents(row: Mapping[str, Any]) -> int | None:
    """The price in cents; None when the catalogue has none or gives it away."""
    price = row.get("price")
    cents = round(price * 100) if price is not None else 0
    return cents if cents > 0 else None


class Prices:
    """Quartiles of the known prices, a category at a time."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        known: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            cents = known_cents(row)
            if cents is not None:
                known[_top(row)].append(cents)
        self._all = _span([cents for group in known.values() for cents in group]) or _UNKNOWN
        self._spans = {category: span for category, group in known.items() if (span := _span(group))}

    def of(self, row: Mapping[str, Any]) -> int:
        """The product's own price in cents, or the rule's."""
        cents = known_cents(row)
        if cents is not None:
            return cents
        low, high = self._spans.get(_top(row), self._all)
        chosen = low + fraction("price", row["asin"]) * (high - low)
        return max(99, int(chosen // 100) * 100 - 1)


def _top(row: Mapping[str, Any]) -> str:
    category = row.get("category") or [""]
    return str(category[0])


def _span(cents: list[int]) -> Span | None:
    if len(cents) < ENOUGH:
        return None
    low, _, high = quantiles(cents, n=4, method="inclusive")
    return low, high
