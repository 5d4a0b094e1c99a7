"""Bodies of requests and answers: camelCase outside, snake_case inside, unknown members refused."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from amazonlite.common.core.money import Money


class Body(BaseModel):
    """The base of every body."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    def as_json(self) -> dict[str, Any]:
        """As it is sent."""
        return self.model_dump(mode="json", by_alias=True)


class MoneyView(Body):
    """``amount`` in minor units of ``currency``."""

    amount: int
    currency: str

    @classmethod
    def of(cls, money: Money) -> MoneyView:
        """The same money."""
        return cls(amount=money.amount, currency=money.currency)
