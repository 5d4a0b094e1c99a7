"""A cursor is opaque, and anything else is refused."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest

from amazonlite.common.testing.fakes import NEW_YEAR
from amazonlite.order.cursor import read_cursor, write_cursor
from amazonlite.order.errors import InvalidCursor
from amazonlite.order.store import Place


def test_a_cursor_brings_back_its_place() -> None:
    place = Place(NEW_YEAR, "ord_1")
    assert read_cursor(write_cursor(place)) == place


@pytest.mark.parametrize("text", ["x", "%%%", "é", urlsafe_b64encode(b"yesterday|ord_1").decode(), "////"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        read_cursor(text)
