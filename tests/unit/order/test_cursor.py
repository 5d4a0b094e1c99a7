"""A cursor is opaque, and anything else is refused."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest

from amazonlite.common.core.cursor import InvalidCursor
from amazonlite.common.testing.fakes import NEW_YEAR
from amazonlite.order.cursor import read_cursor, write_cursor
from amazonlite.order.store import PageKey


def test_a_cursor_brings_back_its_place() -> None:
    place = PageKey(NEW_YEAR, "ord_1")
    assert read_cursor(write_cursor(place)) == place


HOSTILE = [
    b"yesterday|ord_1",
    b"0001-01-01T00:00:00+23:59|ord_1",
    b"9999-12-31T23:59:59-23:59|ord_1",
    b"0001-01-01T00:00:00Z|ord_1",
    b"2026-01-01T00:00:00|ord_1",
    b"2026-01-01T00:00:00Z|",
    b"2026-01-01T00:00:00Z",
    b"2026-01-01T00:00:00Z|" + b"x" * 65,
    b"2026-01-01T00:00:00Z|ord_\x00",
    b"\xff\xfe|ord_1",
]


@pytest.mark.parametrize(
    "text", ["x", "%%%", "é", "////", "\ud800", *(urlsafe_b64encode(one).decode() for one in HOSTILE)]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        read_cursor(text)
