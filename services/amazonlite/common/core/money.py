"""Money is an integer of minor units with its currency; amounts of two currencies never meet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_CURRENCY = re.compile(r"[A-Z]{3}")
# ISO 4217: all other currencies have hundredths.
_WHOLE = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_THOUSANDTHS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_SIGNS = {"EUR": "€", "GBP": "£", "JPY": "¥", "USD": "$"}


class CurrencyMismatch(ValueError):
    """Two amounts in different currencies were combined or compared; convert one of them first."""


@dataclass(frozen=True, slots=True)
class Money:
    """`amount` counts minor units (cents), `currency` is an ISO 4217 code."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount) is not int:
            raise TypeError(f"an amount is an int of minor units, not {self.amount!r}")
        if not _CURRENCY.fullmatch(self.currency):
            raise ValueError(f"{self.currency!r} is not an ISO 4217 code")

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Money:
        return cls(fields["amount"], fields["currency"])

    def as_dict(self) -> dict[str, Any]:
        return {"amount": self.amount, "currency": self.currency}

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __mul__(self, times: int) -> Money:
        return Money(self.amount * times, self.currency)

    __rmul__ = __mul__

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.amount > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.amount >= self._same(other)

    def display(self) -> str:
        """For people: `$540.00`, `CHF 540.00`, `¥54,000`."""
        digits = 0 if self.currency in _WHOLE else 3 if self.currency in _THOUSANDTHS else 2
        whole, part = divmod(abs(self.amount), 10**digits)
        fraction = f".{part:0{digits}d}" if digits else ""
        sign = "-" if self.amount < 0 else ""
        return f"{sign}{_SIGNS.get(self.currency, f'{self.currency} ')}{whole:,}{fraction}"

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self} and {other}")
        return other.amount
