from __future__ import annotations

import pytest

from amazonlite.common.core.money import CurrencyMismatch, Money

EUR = Money(1999, "EUR")


def test_amounts_of_one_currency_add_subtract_multiply_and_compare() -> None:
    assert Money(1, "EUR") + Money(2, "EUR") == Money(3, "EUR")
    assert Money(3, "EUR") - Money(5, "EUR") == Money(-2, "EUR")
    assert EUR * 3 == 3 * EUR == Money(5997, "EUR")
    assert Money(1, "EUR") < Money(2, "EUR") <= Money(2, "EUR")
    assert max(Money(1, "EUR"), EUR) == EUR


@pytest.mark.parametrize("meet", [Money.__add__, Money.__sub__, Money.__lt__, Money.__ge__])
def test_two_currencies_never_meet(meet: object) -> None:
    with pytest.raises(CurrencyMismatch):
        meet(EUR, Money(1, "USD"))  # type: ignore[operator]


def test_equal_numbers_of_two_currencies_differ() -> None:
    assert Money(1, "EUR") != Money(1, "USD")


@pytest.mark.parametrize("amount", [1.5, True, "1"])
def test_an_amount_is_an_integer(amount: object) -> None:
    with pytest.raises(TypeError):
        Money(amount, "EUR")  # type: ignore[arg-type]


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "EU"])
def test_a_currency_is_an_iso_code(currency: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(1, currency)


def test_money_goes_through_json_unchanged() -> None:
    assert Money.from_dict(EUR.as_dict()) == EUR
    assert EUR.as_dict() == {"amount": 1999, "currency": "EUR"}


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(54_000, "USD"), "$540.00"),
        (Money(5, "EUR"), "€0.05"),
        (Money(123_456_789, "GBP"), "£1,234,567.89"),
        (Money(-1_999, "USD"), "-$19.99"),
        (Money(54_000, "JPY"), "¥54,000"),
        (Money(1_500, "KWD"), "KWD 1.500"),
        (Money(54_000, "CHF"), "CHF 540.00"),
        (Money(0, "USD"), "$0.00"),
    ],
)
def test_people_read_money_as_their_currency_writes_it(money: Money, text: str) -> None:
    assert money.display() == text
