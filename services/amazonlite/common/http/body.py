"""Bodies of requests and answers: camelCase outside, snake_case inside, unknown members refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from amazonlite.common.core.money import Money


class Body(BaseModel):
    """The base of every body."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    def as_json(self) -> dict[str, Any]:
        """As it is sent."""
        return self.model_dump(mode="json", by_alias=True)

    def answer(self, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """Itself as an answer; FastAPI would check a second time what was just made."""
        return Response(self.model_dump_json(by_alias=True), status, headers, "application/json")


class MoneyView(Body):
    """``amount`` in minor units of ``currency``."""

    amount: int
    currency: str

    @classmethod
    def of(cls, money: Money) -> MoneyView:
        """The same money."""
        return cls(amount=money.amount, currency=money.currency)
