"""Where a page of a customer's orders ended."""

from __future__ import annotations

import re

from amazonlite.common.core import cursor as cursors
from amazonlite.common.core.clock import iso, parse_iso
from amazonlite.order.store import PageKey

ORDER_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
EARLIEST, LATEST = 1000, 9998
"""What the database can compare with, in any zone."""


def write_cursor(place: PageKey) -> str:
    return cursors.write_cursor(f"{iso(place.created_at)}|{place.order_id}".encode())


def read_cursor(cursor: str) -> PageKey:
    return cursors.read_cursor(cursor, _place)


def _place(text: bytes) -> PageKey:
    moment, _, order_id = text.decode().partition("|")
    created_at = parse_iso(moment)
    if not EARLIEST <= created_at.year <= LATEST or not ORDER_ID.fullmatch(order_id):
        raise ValueError(text)
    return PageKey(created_at, order_id)
