"""What a body takes for a number, a truth or an enumeration."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import pytest
from pydantic import Field, ValidationError

from amazonlite.common.http.body import Body


class Colour(StrEnum):
    RED = "red"


class Inner(Body):
    count: int


class Wanted(Body):
    quantity: int = Field(default=1, ge=1, le=5)
    share: float = 0.5
    sure: bool = True
    limit: int | None = None
    colour: Colour = Colour.RED
    at: datetime | None = None
    lines: list[Inner] = Field(default_factory=list)
    by_name: dict[str, int] = Field(default_factory=dict)


@pytest.mark.parametrize(
    "body",
    [
        {"quantity": "1"},
        {"quantity": True},
        {"quantity": 1.5},
        {"share": "0.5"},
        {"share": True},
        {"sure": 1},
        {"sure": "true"},
        {"limit": "3"},
        {"lines": [{"count": "1"}]},
        {"byName": {"a": "1"}},
        {"colour": "blue"},
        {"quantity": 6},
    ],
)
def test_what_looks_like_a_value_is_none(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Wanted.model_validate(body)


def test_what_json_has_no_type_for_is_read_from_text() -> None:
    read = Wanted.model_validate({"colour": "red", "at": "2026-01-01T00:00:00Z", "share": 1, "limit": None})
    assert (read.colour, read.share, read.limit) == (Colour.RED, 1.0, None)
    assert read.at is not None
    assert Wanted.model_validate_json('{"colour": "red", "lines": [{"count": 2}]}').lines[0].count == 2
