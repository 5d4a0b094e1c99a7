from typing import Any

import pytest

from amazonlite_cli.catalogue.rules import LEAST_STOCK, MOST_STOCK, Prices, stock_of


def row(asin: str, price: float | None, *category: str) -> dict[str, Any]:
    return {"asin": asin, "price": price, "category": list(category)}


KNOWN = [row(f"K{n}", price, "Toys") for n, price in enumerate((5.0, 10.0, 20.0, 40.0, 80.0))]


def test_a_known_price_is_kept() -> None:
    assert Prices(KNOWN).of(row("X", 12.34, "Toys")) == 1234


@pytest.mark.parametrize("price", [None, 0.0])
def test_a_missing_price_lies_within_the_quartiles_of_its_category(price: float | None) -> None:
    prices = [Prices(KNOWN).of(row(f"X{n}", price, "Toys")) for n in range(200)]
    assert min(prices) >= 899
    assert max(prices) <= 4000
    assert all(amount % 100 == 99 for amount in prices)
    assert len(set(prices)) > 20


def test_a_missing_price_is_the_same_every_time() -> None:
    assert Prices(KNOWN).of(row("X", None, "Toys")) == Prices(list(reversed(KNOWN))).of(row("X", None, "Toys")) == 1499


def test_a_category_with_few_prices_takes_the_whole_catalogues() -> None:
    few = [*KNOWN, row("B", 9999.0, "Boats")]
    assert Prices(few).of(row("X", None, "Boats")) < 999900


def test_a_catalogue_without_prices_has_prices_still() -> None:
    assert 899 <= Prices([]).of(row("X", None)) <= 5000


def test_stock_is_within_bounds_and_the_same_every_time() -> None:
    stock = [stock_of(f"X{n}") for n in range(2000)]
    assert stock == [stock_of(f"X{n}") for n in range(2000)]
    assert LEAST_STOCK <= min(stock) < max(stock) <= MOST_STOCK
