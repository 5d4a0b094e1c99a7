"""Bodies of requests and answers: camelCase outside, snake_case inside, unknown members refused, types as they are.

A number is a number: neither "1" nor true is taken for 1. Enumerations and times are texts in JSON and read from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema
from starlette.responses import Response

from amazonlite.common.core.money import Money

STRICT = frozenset({"int", "float", "bool"})


def _make_strict(schema: Any) -> None:
    """Pydantic's own `strict` would refuse the texts of enumerations and times as well."""
    if isinstance(schema, dict):
        if schema.get("type") in STRICT:
            schema["strict"] = True
        for part in schema.values():
            _make_strict(part)
    elif isinstance(schema, list):
        for part in schema:
            _make_strict(part)


class Strict(BaseModel):
    """Takes numbers and truths only as such."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        _make_strict(schema)
        return schema


class Body(Strict):
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
