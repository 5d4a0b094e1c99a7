from dataclasses import replace

import pytest
from pydantic import ValidationError

from amazonlite.common.core.money import Money
from amazonlite.product.domain import Content, CurrencyNotSold, Sort, name_key, sort_value
from amazonlite.product.schemas import NewProduct

LAMP = Content(sku="LAMP-1", title="Desk Lamp", price=Money(2599, "USD"), category=("Home", "Lamps"), rating=4.5)


def body(**changes: object) -> dict[str, object]:
    return {"sku": "LAMP-1", "title": "Desk Lamp", "price": {"amount": 2599, "currency": "USD"}, **changes}


def test_equal_content_has_an_equal_digest() -> None:
    assert LAMP.digest == replace(LAMP).digest


@pytest.mark.parametrize(
    "change", [{"title": "Lamp"}, {"price": Money(2598, "USD")}, {"category": ("Home",)}, {"rating": 4.4}]
)
def test_any_change_changes_the_digest(change: dict[str, object]) -> None:
    assert replace(LAMP, **change).digest != LAMP.digest  # type: ignore[arg-type]


def test_names_sort_without_regard_to_case_and_within_the_index_limit() -> None:
    assert name_key("STRASSE") == name_key("straße")
    assert len(name_key("x" * 500)) == 100


def test_each_order_compares_its_own_value() -> None:
    assert [sort_value(LAMP, sort) for sort in Sort] == ["LAMP-1", 2599, 2599, "desk lamp", 4.5]


@pytest.mark.parametrize(
    "changes",
    [
        {"sku": ""},
        {"sku": "a b"},
        {"sku": "x" * 65},
        {"title": ""},
        {"title": "x" * 501},
        {"description": "x" * 8001},
        {"price": {"amount": 0, "currency": "USD"}},
        {"price": {"amount": "1", "currency": "USD"}},
        {"price": {"amount": 1.5, "currency": "USD"}},
        {"price": {"amount": 1, "currency": "dollars"}},
        {"category": ["x"] * 11},
        {"rating": 5.1},
        {"rating": float("nan")},
        {"ratingCount": -1},
        {"surprise": True},
    ],
)
def test_out_of_bounds_content_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NewProduct.model_validate(body(**changes))


def test_only_the_shops_currency_is_sold() -> None:
    product = NewProduct.model_validate(body(price={"amount": 1, "currency": "EUR"}))
    with pytest.raises(CurrencyNotSold):
        product.content("LAMP-1", "USD")
